"""Show the table and the curves of a result in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.stored_result import read_sound
from lmctool.report.terminal import echo, printable
from lmctool.results.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmctool.results.provenance_records import Entry
    from lmctool.results.result import Result

LONGEST = 200
"""Characters of one entry of the provenance that are shown."""


@click.command("show", cls=Command)
@click.argument("path", metavar="RESULT", type=click.Path(path_type=Path))
@click.option(
    "--json",
    "target",
    metavar="FILE|-",
    type=OutputFile(dash=True),
    help="Also write the metrics as JSON; - prints JSON on stdout instead.",
)
@click.option("--force", is_flag=True, help="Replace the JSON file if it exists.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Also show the provenance: inputs, settings and versions."
)
def command(path: Path, target: str | None, force: bool, verbose: bool) -> None:
    """Show the table and the curves of RESULT, an .h5 file, in the terminal."""
    from lmctool.report.json_document import document, write_json

    result = read_sound(path)
    if target is not None:
        write_json(document(result, {"result": path}), target, force=force)
    if target != "-":
        _show(result, path, verbose=verbose)


def _show(result: Result, path: Path, *, verbose: bool) -> None:
    from rich.console import Console

    from lmctool.report import by_analysis
    from lmctool.report.sparkline import curves
    from lmctool.report.terminal import render
    from lmctool.results.doubt import doubts_of

    console = Console()
    render(by_analysis.table(result, path), console)
    for doubt in doubts_of(result):
        echo(f"Note: {doubt.reason}", said="warning")
    for table in curves(by_analysis.essence(result)):
        console.print()
        render(table, console)
    entries = Provenance.of(result).entries() if verbose else []
    if entries:
        echo()
        _print_entries(entries)


def _print_entries(entries: Iterable[Entry]) -> None:
    for entry in entries:
        text = entry.value if isinstance(entry.value, str) else repr(entry.value)
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
        echo(printable(f"{entry.key}: {shown}"))
