"""Draw the figure of a result."""

from __future__ import annotations

from pathlib import Path

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.stored_result import read_sound
from lmctool.report.terminal import echo


@click.command("plot", cls=Command)
@click.argument("path", metavar="RESULT", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutputFile(),
    help="Path of the figure, which ends in .png, .svg or .pdf.",
)
@click.option("--force", is_flag=True, help="Replace the figure if it exists.")
def command(path: Path, out: Path, force: bool) -> None:
    """Draw the figure of RESULT, an .h5 file.

    It is the figure of the result's analysis, or all curves if that analysis is not installed.
    """
    from lmctool.report import by_analysis
    from lmctool.report.figure import kind, save

    kind(out)
    result = read_sound(path)
    with by_analysis.mismatch_as_error(result, path):
        save(result, by_analysis.drawer(result), out, force)
    echo(out)
