"""Show a result: its table, and its curves in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from lmctool.results.result import Attribute, Result

LONGEST = 200
"""Characters of one entry of the provenance that are shown."""


@click.command("show")
@click.argument("path", metavar="RESULT", type=click.Path(path_type=Path))
@click.option("--json", "target", metavar="FILE|-", help="Write the metrics as JSON too.")
@click.option("--force", is_flag=True, help="Replace the JSON file if it exists.")
@click.option("-v", "--verbose", is_flag=True, help="Show where the result comes from as well.")
def command(path: Path, target: str | None, force: bool, verbose: bool) -> None:
    """Show RESULT, an .h5 file: its table, and its curves in the terminal.

    With --json - the output is the JSON document alone.
    """
    from lmctool.report.json_document import document, write_json
    from lmctool.results.file import read

    result = read(path)
    if target is not None:
        write_json(document(result, {"result": path}), target, force=force)
    if target != "-":
        _show(result, path, verbose=verbose)


def _show(result: Result, path: Path, *, verbose: bool) -> None:
    from rich.console import Console

    from lmctool.report import by_analysis
    from lmctool.report.sparkline import curves
    from lmctool.report.terminal import render

    console = Console()
    render(by_analysis.table(result, path), console)
    for table in curves(result):
        console.print()
        render(table, console)
    if verbose and "provenance" in result.groups:
        console.print()
        _print_provenance(result.groups["provenance"].attributes.items(), console)


def _print_provenance(entries: Iterable[tuple[str, Attribute]], console: Console) -> None:
    from rich.text import Text

    from lmctool.report.terminal import printable

    for name, value in entries:
        text = value if isinstance(value, str) else repr(value)
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
        console.print(Text(printable(f"{name}: {shown}")), soft_wrap=True, highlight=False)
