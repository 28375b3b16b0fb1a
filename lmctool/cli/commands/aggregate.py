"""Average results over seeds, with intervals and paired tests of variants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.cli import gate_options
from lmctool.cli.command import Command, OutputFile
from lmctool.cli.failure import report_failure
from lmctool.cli.table_options import TableOutputs, table_options
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.cli.outputs import Outputs
    from lmctool.errors import ExitCode
    from lmctool.gates.gate import Verdict
    from lmctool.results.aggregate.aggregate import Over
    from lmctool.results.result import Result


@click.command("aggregate", cls=Command)
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--out",
    metavar="MEAN.h5",
    required=True,
    type=OutputFile(),
    help="Path of the average; the figure goes beside it.",
)
@click.option(
    "--over",
    type=click.Choice(["file", "pair"]),
    default="file",
    show_default=True,
    help="Average over the RESULTs, or over the pairs of networks of one RESULT of matrix.",
)
@click.option(
    "--json",
    "target",
    metavar="FILE|-",
    type=OutputFile(dash=True),
    help="Also write the metrics as JSON; - prints JSON on stdout instead of the table.",
)
@table_options
@click.option("--force", is_flag=True, help="Replace existing outputs.")
def command(
    paths: tuple[Path, ...],
    out: Path,
    over: Over,
    target: str | None,
    tables: TableOutputs,
    force: bool,
    **gates: Any,
) -> ExitCode:
    """Average RESULTs of one analysis, .h5 files, such as those of five seeds.

    Each metric and each curve gets its mean, its standard deviation and a 95 % interval of the
    mean; variants are compared by paired tests. The results must be alike but for networks, seeds
    and calibration examples. MEAN.h5 is a result that show, plot, report, metrics, compare and
    audit take.
    """
    from lmctool.cli.averaged import Source, averaged
    from lmctool.cli.outputs import outputs_at
    from lmctool.errors import LmctoolError
    from lmctool.files.publish import refuse_existing
    from lmctool.gates.gate import exit_code
    from lmctool.run.environment import command as typed

    junit = gates["junit"]
    outputs = outputs_at(out, target, junit, force=force)
    refuse_existing([*outputs.places(), *tables.paths], force)
    words = ["aggregate", *map(str, paths), "--over", over, "-o", str(out)]
    try:
        result = averaged([Source.read(path) for path in paths], over, typed(words))
        verdicts = _judged(result, gates)
        _publish(result, verdicts, outputs, target, tables)
    except LmctoolError as error:
        report_failure(
            "aggregate", error, None if "junit" in outputs.written else junit, force=force
        )
        raise
    return exit_code(verdicts)


command.params += gate_options.options()


def _judged(result: Result, values: dict[str, Any]) -> list[Verdict]:
    """Return what becomes of the gates.

    Raises:
        LmctoolError: a baseline cannot be read, or a gate asks for what no value can miss.
    """
    from lmctool.cli.gates import judge_result
    from lmctool.cli.stored_result import read_sound
    from lmctool.gates.baseline import baseline_of

    path = values["baseline"]
    baseline = None if path is None else baseline_of(read_sound(path), path)
    gates = (*values["require"], *values["fail_if"])
    return judge_result(result, gates, baseline, values["tolerance"])


def _publish(
    result: Result,
    verdicts: Sequence[Verdict],
    outputs: Outputs,
    target: str | None,
    tables: TableOutputs,
) -> None:
    """Write the files, and show the average and the verdicts."""
    from rich.console import Console

    from lmctool.cli import github
    from lmctool.cli.key_values import aligned
    from lmctool.cli.verdicts import show_verdicts
    from lmctool.report import by_analysis
    from lmctool.report.terminal import render
    from lmctool.results.doubt import doubts_of

    table = by_analysis.table(result, outputs.paths["result"])
    outputs.save_alone(result, by_analysis.drawer(result))
    if target is not None:
        outputs.write_document(result, target, verdicts)
    outputs.write_junit(verdicts)
    tables.write(table, force=outputs.force)
    github.summarize("lmctool aggregate", verdicts, lambda: table)
    if target == "-" or tables.on_stdout:
        return
    render(table, Console())
    for doubt in doubts_of(result):
        echo(f"Note: {doubt.reason}", said="warning")
    echo("\n" + aligned([(role, str(path)) for role, path in outputs.written.items()]))
    show_verdicts(verdicts)
