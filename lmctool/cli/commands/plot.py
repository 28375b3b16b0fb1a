"""Draw the figure of a result."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("plot")
@click.argument("path", metavar="RESULT", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The figure: a file that ends in .png, .svg or .pdf.",
)
@click.option("--force", is_flag=True, help="Replace the figure if it exists.")
def command(path: Path, output: Path, force: bool) -> None:
    """Draw RESULT, an .h5 file, as its analysis does, or else all its curves."""
    from lmctool.report import by_analysis
    from lmctool.report.figure import kind, save
    from lmctool.results.file import read

    kind(output)
    result = read(path)
    with by_analysis.mismatch_as_error(result, path):
        save(result, by_analysis.drawer(result), output, force)
    click.echo(output)
