"""List the metrics of results, or those that an analysis can give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli import data_options
from lmctool.cli.command import Command
from lmctool.cli.stored_result import read_sound
from lmctool.report.terminal import echo

if TYPE_CHECKING:
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
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], analysis: str | None, score: tuple[str, ...]
) -> None:
    """List the metrics of each RESULT, an .h5 file, by the names that gates use."""
    from rich.console import Console

    from lmctool.report.generic import metrics_table
    from lmctool.report.terminal import render

    if (analysis is None) == (not paths):
        ctx.fail("Missing argument 'RESULT...', or --of ANALYSIS in its place.")
    if score and analysis is None:
        ctx.fail("--score goes with --of ANALYSIS; results say themselves what they hold.")
    console = Console()
    if analysis is not None:
        render(_declared(analysis, score), console)
    for path in paths:
        if len(paths) > 1:
            echo(f"{path}:")
        render(metrics_table(read_sound(path)), console)


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
