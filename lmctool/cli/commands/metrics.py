"""List the metrics of results, or those that an analysis can give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli import data_options
from lmctool.cli.command import Command
from lmctool.cli.stored_result import read_sound
from lmctool.cli.table_options import TableOutputs, table_options
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.table import Table


@click.command("metrics", cls=Command)
@click.argument("paths", metavar="[RESULT...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--of",
    "analysis",
    metavar="ANALYSIS",
    help="List what this analysis can give, in place of results: name, unit, range, meaning.",
)
@click.option(
    "--score", help="With --of: list also what it gives of these scores.", **data_options.SCORE
)
@table_options
@click.option("--force", is_flag=True, help="Replace these files if they exist.")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    analysis: str | None,
    score: tuple[str, ...],
    tables: TableOutputs,
    force: bool,
) -> None:
    """List the metrics of each RESULT, an .h5 file, by the names that gates use."""
    from rich.console import Console

    from lmctool.report.generic import metrics_table
    from lmctool.report.terminal import render

    if (analysis is None) == (not paths):
        ctx.fail("Missing argument 'RESULT...', or --of ANALYSIS in its place.")
    if score and analysis is None:
        ctx.fail("--score goes with --of ANALYSIS; results say themselves what they hold.")
    tables.refuse_existing(force=force)
    if analysis is not None:
        shown = [_declared(analysis, score)]
        tables.write(*shown, force=force)
    else:
        results = [read_sound(path) for path in paths]
        shown, exact = (
            [metrics_table(result, exact=exact) for result in results] for exact in (False, True)
        )
        tables.write(_together(paths, shown), _together(paths, exact), force=force)
    console = Console()
    for place, table in () if tables.on_stdout else enumerate(shown):
        if len(paths) > 1:
            echo(f"{paths[place]}:")
        render(table, console)


def _together(paths: Sequence[Path], tables: Sequence[Table]) -> Table:
    """Return the tables of several results as one, whose first column names the results."""
    from lmctool.results.table import Table

    if len(tables) == 1:
        return tables[0]
    held = zip(paths, tables, strict=True)
    rows = tuple((str(path), *row) for path, table in held for row in table.rows)
    return Table("Metrics", ("result", *tables[0].columns), rows, keys=2)


def _declared(analysis: str, scores: tuple[str, ...]) -> Table:
    """Return the metrics that an analysis declares, of loss, error and other scores."""
    from lmctool.cli.gates import metrics_with
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import ANALYSES
    from lmctool.results.table import Table

    record = registry.load(ANALYSES, analysis)
    declared = record.declared(metrics_with(scores)).values()
    rows = [
        (each.name, "" if each.unit == "1" else each.unit, each.range, each.meaning)
        for each in declared
    ]
    notes = ("this analysis does not say what metrics it gives",) if record.metrics is None else ()
    return Table(analysis, ("metric", "unit", "range", "meaning"), tuple(rows), notes)
