"""List the metrics of results: names, values and units, as gates name them."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("metrics")
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def command(paths: tuple[Path, ...]) -> None:
    """List the metrics of each RESULT, an .h5 file, as --require and a policy name them."""
    from rich.console import Console

    from lmctool.report.generic import metrics_table
    from lmctool.report.terminal import render
    from lmctool.results.file import read

    console = Console()
    for path in paths:
        if len(paths) > 1:
            click.echo(f"{path}:")
        render(metrics_table(read(path)), console)
