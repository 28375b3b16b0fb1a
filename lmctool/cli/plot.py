"""Draw the figure of a result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from lmctool.results.result import Result

MISFIT = (KeyError, IndexError, ValueError)


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
    from lmctool.report.figure import kind, save
    from lmctool.results.file import read

    kind(output)
    result = read(path)
    try:
        save(result, _draw(result), output, force)
    except MISFIT as cause:
        raise LmctoolError(
            f"result '{path}' does not hold what analysis {result.analysis!r} writes: {cause!r}"
        ) from cause
    click.echo(output)


def _draw(result: Result) -> Callable[[Result, Figure], None] | None:
    """Return how the result's own analysis draws it, if that is installed.

    The name comes from the file, so it is only looked up among the installed words.
    """
    from lmctool import registry

    if result.analysis not in registry.names("lmctool.analyses"):
        return None
    return registry.load("lmctool.analyses", result.analysis).figure
