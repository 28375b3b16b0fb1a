"""One run of one analysis, from parsed options to files, table and exit."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import click

from lmctool.cli import github
from lmctool.cli.gates import tell_trouble
from lmctool.cli.key_values import aligned
from lmctool.cli.observers import Observers
from lmctool.cli.outputs import Outputs, checkpoints, outputs
from lmctool.cli.progress import Stages
from lmctool.cli.verdicts import show_verdicts
from lmctool.errors import ExitCode, LmctoolError
from lmctool.gates.gate import exit_code, judge_all
from lmctool.plugin import registry
from lmctool.results.journal import NO_JOURNAL
from lmctool.results.metrics import listed
from lmctool.run.resume_folder import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.cli.job import Job
    from lmctool.gates.gate import Verdict
    from lmctool.results.journal import Journal
    from lmctool.results.result import Result
    from lmctool.results.table import Table
    from lmctool.run.run import Run


def execute(job: Job, *, dry_run: bool) -> ExitCode:
    """Run an analysis, write its outputs, show its table, and judge it by its gates.

    Returns:
        Done, or what the gates make of it.

    Raises:
        LmctoolError: it cannot be run or judged, or an output cannot be written.
    """
    files = _files(job)
    files.refuse_existing(allowed=job.resume)
    work = Work(files.paths["result"], job.note)
    try:
        with nullcontext() if dry_run else work:
            return _execute(job, files, work, dry_run=dry_run)
    except Exception as error:
        if not dry_run:
            junit = None if "junit" in files.written else job.junit
            tell_trouble(job.name, error, junit, force=files.force)
        raise


def remake(job: Job) -> Result:
    """Run an analysis and return its result; a checkpoint that it streams is written, no more.

    Raises:
        LmctoolError: it cannot be run.
    """
    from lmctool.run.summary import plan

    files = _files(job)
    files.refuse_existing()
    run = _prepared(job, files, Observers())
    job.note(aligned(plan(run)))
    return _completed(job, run, files, _computed(job, run))


def _files(job: Job) -> Outputs:
    places = checkpoints(job.out, job.settings.checkpoints if job.writes else ())
    paths = outputs(job.out, places, document=job.document, junit=job.junit)
    return Outputs(paths, places, job.force)


def _prepared(job: Job, files: Outputs, observers: Observers, journal: Journal = NO_JOURNAL) -> Run:
    from lmctool.run.run import Run  # torch comes in here, not at start-up

    stages = Stages(observers.progressed, quiet=job.quiet, bar=sys.stderr.isatty())
    run = Run(job.name, job.analysis, job.settings, progress=stages, note=job.note, journal=journal)
    files.check(run)
    return run


def _execute(job: Job, files: Outputs, work: Work, *, dry_run: bool) -> ExitCode:
    from lmctool.run.provenance import identity
    from lmctool.run.summary import plan

    observers = Observers()
    run = _prepared(job, files, observers, work.journal)
    planned = plan(run)
    if dry_run:
        gates = [("gate", str(gate.condition)) for gate in job.gates]
        click.echo(aligned([*planned, *files.planned(), *gates]))
        return ExitCode.DONE
    if job.resume and not work.found and (whole := _whole(job, run, files)):
        verdicts = _judged(job, whole)
        _show(job, whole, files, verdicts)
        return exit_code(verdicts)
    work.begin(partial(identity, run, job.told), files.places(), resume=job.resume, force=job.force)
    files.force |= work.found
    job.note(aligned(planned))
    observers.started({"command": job.command, "analysis": job.name, **dict(planned)})
    try:
        try:
            found = _computed(job, run)
        except LmctoolError:
            work.clear()  # it would end in the same way again
            raise
        result = _completed(job, run, files, found)
        verdicts = _judged(job, result)
        _publish(job, run, result, files, verdicts)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            left = [f"written before: {files.told()}"] if files.written else []
            for told in [*left, *work.left()]:
                error.add_note(told)
        observers.finished(None, error)
        raise
    work.clear()
    observers.finished(result, None)
    return exit_code(verdicts)


def _whole(job: Job, run: Run, files: Outputs) -> Result | None:
    """Return the result that this very run has written before, if it has.

    Raises:
        LmctoolError: an output exists that is something else.
    """
    from lmctool.results.file import read
    from lmctool.run.provenance import identity, key

    path = files.paths["result"]
    found = read(path) if path.exists() else None
    said = found.groups["provenance"].attributes if found and "provenance" in found.groups else {}
    if found is None or said.get("key") != key(identity(run, job.told)):
        files.refuse_existing()
        return None
    job.note(f"'{path}' is whole already: nothing is left to do")
    return found


def _computed(job: Job, run: Run) -> Result:
    from lmctool.evaluate.device import arithmetic

    try:
        with arithmetic(job.settings.precision):
            return job.analysis.compute(run, **job.options)
    except LmctoolError:
        raise
    except Exception as error:
        entry = registry.find("lmctool.analyses", job.name)
        error.add_note(f"while analysis {job.name!r} of {registry.owner(entry)} was computing")
        raise


def _completed(job: Job, run: Run, files: Outputs, result: Result) -> Result:
    from lmctool.run.provenance import complete

    streamed = files.streamed(result, run)
    return complete(run, streamed, command=job.command, options=job.told)


def _judged(job: Job, result: Result) -> list[Verdict]:
    """Return what becomes of each gate."""
    if not job.gates:
        return []
    baseline = job.baseline.beside(result) if job.baseline else None
    return judge_all(job.gates, listed(result), baseline=baseline)


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
            _show(job, result, files, verdicts)


def _show(job: Job, result: Result, files: Outputs, verdicts: Sequence[Verdict]) -> None:
    from rich.console import Console

    from lmctool.report.terminal import render

    render(_table(job, result), Console())
    if files.written:
        click.echo("\n" + aligned([(role, str(path)) for role, path in files.written.items()]))
    if job.verbose and "provenance" in result.groups:
        entries = result.groups["provenance"].attributes.items()
        click.echo(aligned([(key, str(value)) for key, value in entries]), err=True)
    show_verdicts(verdicts)


def _table(job: Job, result: Result) -> Table:
    from lmctool.report.generic import metrics_table

    return (job.analysis.table or metrics_table)(result)
