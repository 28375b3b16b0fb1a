"""One run of one analysis, from parsed options to files, table and exit."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lmctool import registry
from lmctool.cli import github
from lmctool.cli.columns import aligned
from lmctool.cli.observers import Observers
from lmctool.cli.outputs import Outputs, checkpoints, outputs
from lmctool.cli.progress import Stages
from lmctool.cli.verdicts import show_verdicts
from lmctool.errors import ExitCode, LmctoolError
from lmctool.gate import exit_code, judge_all
from lmctool.results.metrics import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmctool.gate import Gate, Verdict
    from lmctool.report.table import Table
    from lmctool.results.result import Result
    from lmctool.run import Run
    from lmctool.seam import Analysis
    from lmctool.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line asks for.

    Attributes:
        name: the analysis, as the user types it.
        analysis: its record.
        settings: the values of the shared options that the run needs.
        options: the values of the analysis's own, as its ``compute`` takes them.
        told: the same as the user gave them, for the record.
        command: the command line, for the record.
        out: where the outputs go.
        document: where the JSON goes, if anywhere.
        junit: where the verdicts go as JUnit XML, if anywhere.
        force: whether existing outputs may be replaced.
        quiet: no progress and no notes.
        verbose: show the whole provenance.
        gates: what the result is judged by.
    """

    name: str
    analysis: Analysis
    settings: Settings
    options: Mapping[str, Any]
    told: Mapping[str, Any]
    command: str
    out: Path
    document: str | None = None
    junit: Path | None = None
    force: bool = False
    quiet: bool = False
    verbose: bool = False
    gates: tuple[Gate, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether a checkpoint is made."""
        writes = self.analysis.writes
        return bool(self.told.get(writes)) if isinstance(writes, str) else writes

    def note(self, text: str) -> None:
        """Tell the user something on stderr, unless they want quiet."""
        if not self.quiet:
            click.echo(text, err=True)


def execute(job: Job, *, dry_run: bool) -> ExitCode:
    """Run an analysis, write its outputs, show its table, and judge it by its gates.

    Returns:
        Done, or what the gates make of it.

    Raises:
        LmctoolError: it cannot be run or judged, or an output cannot be written.
    """
    places = checkpoints(job.out, job.settings.checkpoints if job.writes else ())
    paths = outputs(job.out, places, document=job.document, junit=job.junit)
    files = Outputs(paths, places, job.force)
    files.refuse_existing()
    observers = Observers()
    stages = Stages(observers.progressed, quiet=job.quiet, bar=sys.stderr.isatty())
    from lmctool.run import Run  # torch comes in here, not at start-up

    run = Run(job.name, job.analysis, job.settings, progress=stages, note=job.note)
    files.check(run)
    plan = run.plan()
    if dry_run:
        gates = [("gate", str(gate.condition)) for gate in job.gates]
        click.echo(aligned([*plan, *files.planned(), *gates]))
        return ExitCode.DONE
    job.note(aligned(plan))
    observers.started({"command": job.command, "analysis": job.name, **dict(plan)})
    try:
        result = _compute(job, run, files)
        verdicts = judge_all(job.gates, listed(result)) if job.gates else []
        _publish(job, run, result, files, verdicts)
    except BaseException as error:
        if files.written and isinstance(error, KeyboardInterrupt):
            error.add_note(f"written before: {files.told()}")
        if isinstance(error, Exception):
            files.write_trouble(job.name, error)
        observers.finished(None, error)
        raise
    observers.finished(result, None)
    return exit_code(verdicts)


def _compute(job: Job, run: Run, files: Outputs) -> Result:
    try:
        result = files.streamed(job.analysis.compute(run, **job.options), run)
    except LmctoolError:
        raise
    except Exception as error:
        entry = registry.find("lmctool.analyses", job.name)
        error.add_note(f"while analysis {job.name!r} of {registry.owner(entry)} was computing")
        raise
    return run.complete(result, command=job.command, options=job.told)


def _publish(
    job: Job, run: Run, result: Result, files: Outputs, verdicts: Sequence[Verdict]
) -> None:
    """Write the files and show the result; it is shown even when a file cannot be written."""
    try:
        files.save(result, job.analysis, run)
        if job.document is not None:
            files.write_document(result, job.document, verdicts)
        files.write_junit(verdicts)
        github.tell(f"lmctool {job.name}", verdicts, partial(_table, job, result))
    finally:
        if job.document != "-":
            _show(job, result, files)
            show_verdicts(verdicts)


def _show(job: Job, result: Result, files: Outputs) -> None:
    from rich.console import Console

    from lmctool.report.terminal import render

    render(_table(job, result), Console())
    if files.written:
        click.echo("\n" + aligned([(role, str(path)) for role, path in files.written.items()]))
    if job.verbose and "provenance" in result.groups:
        entries = result.groups["provenance"].attributes.items()
        click.echo(aligned([(key, str(value)) for key, value in entries]), err=True)


def _table(job: Job, result: Result) -> Table:
    from lmctool.report.generic import metrics_table

    return (job.analysis.table or metrics_table)(result)
