"""One run of a job, in stages: each takes what the stage before it returns."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lmctool.cli import github
from lmctool.cli.failure import report_failure
from lmctool.cli.key_values import aligned
from lmctool.cli.observers import Observers
from lmctool.cli.outputs import Outputs, outputs_of, written_form
from lmctool.cli.progress import Stages, shows_bars
from lmctool.cli.settled import settled_by
from lmctool.cli.verdicts import show_verdicts
from lmctool.cli.worker import work
from lmctool.cli.workers import pool_of, spreading, worker_job
from lmctool.errors import LmctoolError, machine_failure
from lmctool.gates.gate import exit_code, judge_all
from lmctool.gates.sense import check_limits
from lmctool.plugin import registry
from lmctool.plugin.exits import no_exit
from lmctool.plugin.kinds import ANALYSES
from lmctool.report.terminal import echo
from lmctool.results.aggregate.eligible import AGGREGATE
from lmctool.results.doubt import doubts_of
from lmctool.results.journal import NO_JOURNAL, MemoryJournal
from lmctool.results.metrics import listed
from lmctool.results.provenance import Provenance
from lmctool.results.stored_metrics import metrics_of
from lmctool.run.resume_folder import ResumeFolder
from lmctool.spread.executed import Executed, WorkersError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from lmctool.cli.job import Job
    from lmctool.cli.outputs import Drawing
    from lmctool.cli.progress import Watch
    from lmctool.errors import ExitCode
    from lmctool.gates.gate import Verdict
    from lmctool.plugin.spreading import Spreading
    from lmctool.results.journal import Journal
    from lmctool.results.result import NewCheckpoint, Result
    from lmctool.results.table import Table
    from lmctool.run.run import Run
    from lmctool.spread.pool import Pool

MOST_ROWS = 200
"""Rows of a table that are printed when a run ends; ``lmctool show`` prints all."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A result, and what becomes of each gate on it."""

    result: Result
    verdicts: Sequence[Verdict]


@contextmanager
def session(job: Job) -> Iterator[Session]:
    """Open the run of a job and lock its outputs.

    When the body fails, CI systems and observers learn why; when it is interrupted, or the machine
    fails, the exception gets notes about what there is.

    Raises:
        LmctoolError: it cannot be run, or an output exists or is being written by another run.
    """
    from lmctool.evaluate.device import in_use

    outputs = outputs_of(job)
    outputs.refuse_existing(allowed=job.resume)
    try:
        observers = Observers(job.observers)
        folder = ResumeFolder(outputs.paths["result"], job.note, mixed=job.mixed)
        with folder, pool_of(job) as pool, settled_by(folder.record, job) as job:
            try:
                with no_exit():
                    spread = None if pool is None else Executed(pool, work, folder.journal)
                    run = open_run(job, outputs, observers.progressed, folder.journal, spread)
                    with in_use(run.device):
                        yield Session(job, run, outputs, folder, observers, pool)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) or machine_failure(error):
                    for note in (*outputs.notes(), *folder.notes()):
                        error.add_note(note)
                observers.finished(None, error)
                raise
    except Exception as error:
        junit = None if "junit" in outputs.written else job.junit
        report_failure(job.name, error, junit, force=outputs.force)
        raise


@dataclass(frozen=True, slots=True)
class Session:
    """The run of a job while its outputs are locked.

    What changes during it is in ``outputs`` (which files are written, and whether others may be
    replaced) and in ``folder`` (the finished work on disk).

    Attributes:
        job: what the command line asks for.
        run: the opened checkpoints, model and data.
        outputs: the files to write.
        folder: the finished work of this run, and of an interrupted one before it.
        observers: those that are told of it.
        pool: the executor that the work is spread by, if there is one.
    """

    job: Job
    run: Run
    outputs: Outputs
    folder: ResumeFolder
    observers: Observers
    pool: Pool | None = None

    def earlier(self) -> Result | None:
        """Return the result that this very run wrote before, where ``--resume`` asks for it.

        Raises:
            LmctoolError: an output exists that is something else.
        """
        from lmctool.cli.stored_result import sound
        from lmctool.results.file import read_own
        from lmctool.run.identity import Identity, objection

        path = self.outputs.paths["result"]
        if not self.job.resume or self.folder.has_earlier_work:
            return None
        result = sound(read_own(path), path) if path.exists() else None
        identity = Identity(self.run, self.job.recorded_options)
        other = objection(Provenance.of(result), identity) if result else ""
        if result is None or (other and self.outputs.force):
            self.outputs.refuse_existing()
            self.outputs.check(self.run)
            return None
        if other:
            raise LmctoolError(
                f"output '{path}' exists, and is the result of another run: {other}; pass --force"
                " to replace it"
            )
        self.job.note(f"'{path}' is whole already: nothing is left to do")
        return result

    def compute(self) -> Result:
        """Run the analysis, from the finished work of an interrupted run if there is some.

        Raises:
            LmctoolError: it cannot be computed, or the finished work is of another run.
        """
        from lmctool.run.identity import Identity
        from lmctool.run.summary import plan

        job, run, folder = self.job, self.run, self.folder
        identity = Identity(run, job.recorded_options)
        places, command = self.outputs.places(), job.command
        folder.begin(identity, places, resume=job.resume, force=job.force, command=command)
        self.outputs.force |= folder.has_earlier_work  # it may have written some of them
        if self.pool is not None and isinstance(run.spread, Executed):
            run.spread.job = partial(worker_job, job, run, folder, identity, self.pool)
        lines = [*plan(run), *spreading(job)]
        job.show(aligned(lines))
        self.observers.started({"command": job.command, "analysis": job.name, **dict(lines)})
        try:
            return complete(job, run, partial(self.outputs.streamed, run=run), self._computing)
        finally:
            if self.pool is not None:
                self.pool.close()

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """Forget the finished work when something fails within: it would end so again.

        That of shards is kept: more went into it, and another machine may get further.
        """
        try:
            yield
        except LmctoolError as error:
            if self.pool is not None:
                self.pool.close()  # or workers would go on to write
            shared = self.folder.record is not None and self.folder.record.shared
            if shared or isinstance(error, WorkersError):
                raise type(error)("; ".join([str(error), *self.folder.notes()])) from error
            self.folder.clear()
            raise

    def judge(self, result: Result) -> Judged:
        """Judge a result by the job's gates."""
        gates, baseline = self.job.gates, self.job.baseline
        if not gates:
            return Judged(result, ())
        beside = baseline.beside(result) if baseline else None
        doubts, declared = doubts_of(result), self.job.declared(metrics_of(result))
        return Judged(result, judge_all(gates, listed(result), "", beside, doubts, declared))

    def publish(self, judged: Judged) -> ExitCode:
        """Write the files and show the result; it is shown even when a file cannot be written.

        Returns:
            What the gates make of it.

        Raises:
            LmctoolError: a file cannot be written.
        """
        job, outputs, result = self.job, self.outputs, judged.result
        try:
            with self._writing(result):
                outputs.save(result, _drawer(job, result), self.run)
                if job.document is not None:
                    outputs.write_document(result, job.document, judged.verdicts)
                outputs.write_junit(judged.verdicts)
                table = partial(_table, job, result)
                github.summarize(f"lmctool {job.name}", judged.verdicts, table)
        finally:
            if job.document != "-":
                self.show(judged)
        return exit_code(judged.verdicts)

    def store(self, result: Result) -> None:
        """Write the result, its new checkpoint and its figure, and show nothing.

        Raises:
            LmctoolError: one cannot be written.
        """
        with self._writing(result):
            self.outputs.save(result, _drawer(self.job, result), self.run)

    @contextmanager
    def _writing(self, result: Result) -> Iterator[None]:
        """Forget the finished work once all files of a result are written within."""
        try:
            yield
        except LmctoolError as error:
            raise type(error)("; ".join([str(error), *self.folder.notes()])) from error
        self.folder.clear()
        self.observers.finished(result, None)

    def show(self, judged: Judged) -> ExitCode:
        """Show the result and the verdicts; return what the gates make of it."""
        from rich.console import Console

        from lmctool.report.blocks import shortened_rows
        from lmctool.report.terminal import render

        table = _table(self.job, judged.result)
        if written := self.outputs.written.get("result"):
            table = shortened_rows(table, MOST_ROWS, f"lmctool show {quote(str(written))}")
        render(table, Console())
        if self.outputs.written:
            files = [(role, str(path)) for role, path in self.outputs.written.items()]
            echo("\n" + aligned(files))
        entries = Provenance.of(judged.result).entries() if self.job.verbose else []
        if entries:
            echo(aligned([(entry.key, str(entry.value)) for entry in entries]), err=True)
        show_verdicts(judged.verdicts)
        return exit_code(judged.verdicts)


def held(job: Job) -> Result:
    """Run an analysis and return its result; what it would write is held in memory.

    Raises:
        LmctoolError: it cannot be run.
    """
    from lmctool.evaluate.device import in_use
    from lmctool.run.summary import plan

    observers = Observers(job.observers)
    try:
        with no_exit(), _unwritten(job, observers.progressed) as run, in_use(run.device):
            observers.started({"command": job.command, "analysis": job.name, **dict(plan(run))})
            result = complete(job, run, partial(_materialised, run=run))
    except BaseException as error:
        observers.finished(None, error)
        raise
    observers.finished(result, None)
    return result


@contextmanager
def _unwritten(job: Job, watch: Watch) -> Iterator[Run]:
    """Open the run of a job that writes nothing; what workers find is in a temporary folder."""
    from lmctool.run.identity import Identity

    if job.executor is None:
        yield open_run(job, None, watch, memory(job))
        return
    with (
        TemporaryDirectory(prefix="lmctool-", ignore_cleanup_errors=True) as place,
        ResumeFolder(Path(place) / f"{job.name}.h5", job.note, mixed=job.mixed) as folder,
        pool_of(job) as pool,
    ):
        assert pool is not None
        spread = Executed(pool, work, folder.journal)
        run = open_run(job, None, watch, folder.journal, spread)
        identity = Identity(run, job.recorded_options)
        folder.begin(identity, (), resume=False, force=False, command=job.command)
        spread.job = partial(worker_job, job, run, folder, identity, pool)
        yield run
        folder.clear()


def _materialised(result: Result, run: Run) -> Result:
    """Return a result with all tensors of its new checkpoint as they would be written."""
    from lmctool.cli.held_checkpoint import HeldCheckpoint
    from lmctool.evaluate.arithmetic import arithmetic

    new = result.checkpoint
    if new is None:
        return result

    def held(new: NewCheckpoint) -> HeldCheckpoint:
        form, new = written_form(new, run)
        tensors = {name: tensor.detach().cpu() for name, tensor in new.weights.items()}
        beside = {behind: held(other) for behind, other in new.beside.items()}
        return HeldCheckpoint(
            tensors, new.like, new.metadata, files=new.files, form=form, beside=beside
        )

    with arithmetic(run.settings.precision, run.device):  # they may be computed only now
        kept = held(new)
    more = {} if new.groups_after is None else new.groups_after()
    return replace(result, groups={**result.groups, **more}, checkpoint=kept)


def open_run(
    job: Job,
    outputs: Outputs | None,
    watch: Watch,
    journal: Journal = NO_JOURNAL,
    spread: Spreading | None = None,
) -> Run:
    """Open the checkpoints, the model and the data of a job; check outputs and gates against them.

    Args:
        job: what the command line asks for.
        outputs: the files to write; None for none.
        watch: called with the progress of every stage.
        journal: the finished work of this run, and of an interrupted one before it.
        spread: says what this process computes; None for everything.
    """
    from lmctool.run.draws import check_repeated
    from lmctool.run.run import Run  # torch comes in here, not at start-up

    stages = Stages(watch, quiet=job.quiet, bar=shows_bars())
    if job.settings.draws > 1:
        check_repeated(job.analysis, job.settings, job.recorded_options)
    run = Run(
        job.name,
        job.analysis,
        job.settings,
        progress=stages,
        note=job.note,
        journal=journal,
        spread=spread,
        writes=job.writes,
    )
    if outputs is not None:
        outputs.check(run, allowed=job.resume)
    if count := networks(job, run):
        more = (job.settings.draws - 1) * max(count - run.count, 0)  # checkpoints are not drawn
        stages.expect((count + more) * len(job.settings.splits))
    if job.gates:  # what the metrics are may take a look at the data
        check_limits(job.gates, job.declared(run.metrics))
    return run


def networks(job: Job, run: Run) -> int | None:
    """Return how many networks the analysis will measure on each split, where it knows that.

    Of options that it refuses it knows nothing: it says so itself, once it computes.
    """
    count = job.analysis.networks
    try:
        return None if count is None else count(run, **job.options)
    except LmctoolError:
        return None


def compute(job: Job, run: Run) -> Result:
    """Return what the analysis computes; a bug in it gets a note that names its owner.

    Raises:
        LmctoolError: it cannot be computed, or has text that no file can hold.
        ValueError: names, dims or types that no file can hold: none is shown, with a file or not.
    """
    from lmctool.evaluate.arithmetic import arithmetic
    from lmctool.results import layout

    try:
        with (
            arithmetic(job.settings.precision, run.device),
            no_exit(f"analysis {job.name!r}"),
        ):
            result = job.analysis.compute(run, **job.options)
        layout.plan(result)
        return result
    except LmctoolError:
        raise
    except Exception as error:
        if machine_failure(error):
            raise
        entry = registry.find(ANALYSES, job.name)
        error.add_note(f"while analysis {job.name!r} of {registry.owner(entry)} was computing")
        raise


def complete(
    job: Job,
    run: Run,
    made: Callable[[Result], Result],
    computing: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Result:
    """Run the analysis, and return the result with its provenance.

    Args:
        job: what the command line asks for.
        run: its run.
        made: writes or holds the new checkpoint of a result.
        computing: as ``draws.found`` has it.
    """
    from lmctool.cli.draws import found
    from lmctool.run.equal_networks import equal_networks
    from lmctool.run.provenance import recorded

    result = found(job, run, compute, made, computing)
    whole = recorded(
        run, result, command=job.command, options=job.recorded_options, executor=job.executor
    )
    for sentence in equal_networks(run):
        job.note(sentence)
    for who in Provenance.of(whole).workers.values():
        if who.mixed:
            job.note(f"what '{who.host}' computed may differ by rounding: {who.mixed}")
    return whole


def memory(job: Job) -> Journal:
    """Return a journal for a job without a folder; only one that does work again needs any.

    That is one that repeats, and one that forms networks anew at every look at their examples.
    """
    again = job.settings.draws > 1 or job.options.get("within") is not None
    return MemoryJournal() if again else NO_JOURNAL


def _table(job: Job, result: Result) -> Table:
    from lmctool.report import by_analysis
    from lmctool.report.generic import metrics_table

    if result.analysis == AGGREGATE:
        return by_analysis.table(result, None)
    return (job.analysis.table or metrics_table)(result)


def _drawer(job: Job, result: Result) -> Drawing | None:
    from lmctool.report import by_analysis

    return by_analysis.drawer(result) if result.analysis == AGGREGATE else job.analysis.figure
