"""Compare two results: metrics, inputs, versions, settings and arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.table_options import TableOutputs, table_options
from lmctool.errors import LmctoolError
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.results.result import Result
    from lmctool.results.table import Table


@click.command("compare", cls=Command)
@click.argument("one", metavar="RESULT1", type=click.Path(path_type=Path))
@click.argument("other", metavar="RESULT2", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Also show metrics that are the same.")
@click.option(
    "--json",
    "target",
    metavar="FILE|-",
    type=OutputFile(dash=True),
    help="Write the comparison as JSON; - prints it on stdout instead of the tables.",
)
@click.option(
    "-o",
    "--out",
    metavar="FIGURE",
    type=OutputFile(),
    help="Draw the curves of both in one figure, a file that ends in .png, .svg, .pdf or .pgf.",
)
@table_options
@click.option("--force", is_flag=True, help="Replace these files if they exist.")
def command(
    one: Path,
    other: Path,
    everything: bool,
    target: str | None,
    out: Path | None,
    tables: TableOutputs,
    force: bool,
) -> None:
    """Compare two results of one analysis, .h5 files.

    Shows the metrics that differ, the inputs, versions and settings that may explain it, and the
    arrays that are not the same bit for bit. Exits with 0 whether they differ or not; to fail on a
    difference use lmctool audit --baseline.
    """
    from lmctool.report.comparison import metrics_table
    from lmctool.report.notation import Notation
    from lmctool.results.file import read
    from lmctool.results.pairing import pairs

    _check_outputs(None if target in {None, "-"} else Path(str(target)), out, tables, force)
    first, second = read(one), read(other)
    if first.analysis != second.analysis:
        raise LmctoolError(
            f"'{one}' is a result of {first.analysis!r}, but '{other}' is one of"
            f" {second.analysis!r}; compare two results of one analysis"
        )
    title = f"{first.analysis}: '{one}' (first) and '{other}' (second)"
    files: dict[str, Path] = {}
    if out is not None:
        _draw(first, second, (one, other), out, force)
        files["figure"] = out
    if target is not None:
        from lmctool.report.json_document import comparison_document, write_json

        document = comparison_document(first, second, (one, other), files)
        write_json(document, target, force=force)
    both, known = pairs(first, second), Notation.of(first)
    shown, exact = (
        metrics_table(both, title, known, everything=everything, exact=exact)
        for exact in (False, True)
    )
    tables.write(shown, exact, force=force)
    if target != "-" and not tables.on_stdout:
        _show(shown, first, second, files)


def _check_outputs(
    document: Path | None, figure: Path | None, tables: TableOutputs, force: bool
) -> None:
    """Refuse outputs that cannot be written, before any work is done."""
    from lmctool.files.publish import refuse_existing
    from lmctool.report.figure import kind

    if figure is not None:
        kind(figure)
    if document is not None and document == figure:
        raise LmctoolError(f"--json names '{document}', as -o does")
    paths = [path for path in (document, figure) if path is not None]
    refuse_existing([*paths, *tables.paths], force)


def _draw(one: Result, other: Result, paths: tuple[Path, Path], figure: Path, force: bool) -> None:
    from lmctool.files.short_names import short_names
    from lmctool.report.comparison import Overlay
    from lmctool.report.figure import save
    from lmctool.report.terminal import printable

    first, second = map(printable, short_names(paths))
    save(one, Overlay(other, (first, second)), figure, force)


def _show(metrics: Table, one: Result, other: Result, files: Mapping[str, Path]) -> None:
    from rich.console import Console

    from lmctool.report.comparison import causes_tables, deviations_table
    from lmctool.report.terminal import render
    from lmctool.results.provenance_diff import causes
    from lmctool.results.value_diff import deviations

    console = Console()
    render(metrics, console)
    tables = [*causes_tables(causes(one, other)), deviations_table(deviations(one, other))]
    for table in tables:
        console.print()
        render(table, console)
    for path in files.values():
        echo(f"\n{path}")
