"""Show the table and the curves of a result in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.stored_result import read_sound
from lmctool.cli.table_options import TableOutputs, table_options
from lmctool.report.terminal import echo, printable
from lmctool.results.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmctool.results.provenance_records import Entry
    from lmctool.results.result import Result
    from lmctool.results.table import Table

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
@click.option(
    "--table",
    "name",
    metavar="NAME",
    is_flag=False,
    flag_value="",
    default=None,
    help="Show another table of the result, such as that of a curve; without NAME list them.",
)
@table_options
@click.option("--force", is_flag=True, help="Replace these files if they exist.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Also show the provenance: inputs, settings and versions."
)
def command(
    path: Path,
    target: str | None,
    name: str | None,
    tables: TableOutputs,
    force: bool,
    verbose: bool,
) -> None:
    """Show the table and the curves of RESULT, an .h5 file, in the terminal."""
    from rich.console import Console

    from lmctool.report.chosen_table import chosen_table
    from lmctool.report.escaped import escaped
    from lmctool.report.json_document import document, write_json
    from lmctool.report.terminal import render
    from lmctool.report.value_tables import names

    result = read_sound(path)
    if name == "":
        echo("\n".join(names(escaped(result))))
        return
    tables.refuse_existing(force=force)
    shown, exact = chosen_table(result, path, name)
    if target is not None:
        write_json(document(result, {"result": path}), target, force=force)
    tables.write(shown, exact, force=force)
    if target == "-" or tables.on_stdout:
        return
    if name is None:
        _show(result, shown, verbose=verbose)
    else:
        render(shown, Console())


def _show(result: Result, table: Table, *, verbose: bool) -> None:
    from rich.console import Console

    from lmctool.report import by_analysis
    from lmctool.report.sparkline import curves
    from lmctool.report.terminal import render
    from lmctool.results.doubt import doubts_of

    console = Console()
    render(table, console)
    for doubt in doubts_of(result):
        echo(f"Note: {doubt.reason}", said="warning")
    for own in curves(by_analysis.essence(result)):
        console.print()
        render(own, console)
    entries = Provenance.of(result).entries() if verbose else []
    if entries:
        echo()
        _print_entries(entries)


def _print_entries(entries: Iterable[Entry]) -> None:
    for entry in entries:
        text = entry.value if isinstance(entry.value, str) else repr(entry.value)
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
        echo(printable(f"{entry.key}: {shown}"))
