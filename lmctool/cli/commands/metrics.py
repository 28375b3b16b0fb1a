"""List the metrics of results: full name, value and unit."""

from __future__ import annotations

from pathlib import Path

import click

from lmctool.report.terminal import echo


@click.command("metrics")
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def command(paths: tuple[Path, ...]) -> None:
    """List the metrics of each RESULT, an .h5 file, by the names that gates use."""
    from rich.console import Console

    from lmctool.report.generic import metrics_table
    from lmctool.report.terminal import render
    from lmctool.results.file import read

    console = Console()
    for path in paths:
        if len(paths) > 1:
            echo(f"{path}:")
        render(metrics_table(read(path)), console)
