"""A worker: computes items of a run that another process leads, and writes what it finds."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lmctool.cli.progress import unwatched
from lmctool.cli.same_run import MIXED, other_machine, other_run
from lmctool.config import VARIABLES
from lmctool.errors import LmctoolError, first_line
from lmctool.plugin.exits import no_exit
from lmctool.plugin.spreading import Spreading
from lmctool.results.journal import Journal
from lmctool.run.identity import Identity
from lmctool.spread.finished import mark_of, marked
from lmctool.spread.presence import worker_seen
from lmctool.spread.records import Report, Worker, WorkerJob, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmctool.cli.job import Job
    from lmctool.plugin.progress import Advance
    from lmctool.plugin.spreading import Stage
    from lmctool.run.run import Run

NO_CAUSE = "the run does not come to that item here"


class Reached(KeyboardInterrupt):
    """The items that were asked for are computed: the rest of the analysis is not wanted."""


class Chosen(Spreading):
    """Computes chosen items of one list, and ends the analysis there.

    What comes before is read from the journal as far as it is there, and else computed.

    Attributes:
        worker: who computes.
        at: the item that it came to; None before the first one.
        tell: tells others what it is at work on.
    """

    def __init__(self, journal: Journal, worker: Worker, at_once: int = 1) -> None:
        """Take where finished work is, who computes, and how many items at once."""
        super().__init__(at_once)
        self._journal, self.worker = journal, worker
        self._target: int | None = None
        self._numbers: Sequence[int] = ()
        self.at: int | None = None
        self.tell: Callable[[str], None] = lambda _: None

    def begin(self, ordinal: int, numbers: Sequence[int]) -> None:
        """Choose items; the analysis begins again."""
        self._ordinal, self._within = 0, False
        self._target, self._numbers, self.at = ordinal, numbers, None

    def numbers(self, stage: Stage, advance: Advance) -> Iterator[int]:
        """Give the chosen numbers, or all of another list."""
        if stage.ordinal != self._target:
            yield from range(len(stage.keys))
            return
        for number in self._numbers:
            self.at = number
            if mark_of(self._journal, stage, number) is None:
                self.tell(stage.name(number))
                with marked(self._journal, stage, number, self.worker):
                    yield number
        raise Reached


class RefusedError(Exception):
    """A worker that would compute other numbers."""


class OpenRun:
    """The run of a job, open on a worker for item after item."""

    def __init__(self, job: WorkerJob) -> None:
        """Open it, and check that it is the run of the job, on a machine that computes the same.

        Raises:
            RefusedError: it is not.
            LmctoolError: it cannot be opened.
        """
        from lmctool.cli.session import open_run
        from lmctool.evaluate.device import in_use
        from lmctool.evaluate.threads import use_threads

        _go_to(job)
        use_threads(job.threads)
        self.folder = Path(job.folder)
        self.journal = Journal(self.folder)
        self.journal.context = lambda: job.context
        self.job = parsed(job)
        self.worker = this_process()
        self.spread = Chosen(self.journal, self.worker, job.at_once)
        with no_exit():
            self.run: Run = open_run(self.job, None, unwatched, self.journal, self.spread)
            self.run.batch_size.halves = False  # others would go on with the size of the run
            with in_use(self.run.device):
                differs = _checked(job, self.job, self.run)
                if job.evaluation is not None:
                    self.run.evaluator.settled(self.run.splits[0])  # for all that begin afresh
        device = str(self.run.arithmetic["device.name"])
        self.worker = msgspec.structs.replace(self.worker, device=device, differs=differs)
        self.spread.worker = self.worker

    def compute(self, ordinal: int, numbers: Sequence[int]) -> Report:
        """Compute items of a list, and report what became of them."""
        from lmctool.cli.session import complete
        from lmctool.evaluate.device import in_use

        written = len(self.journal.written)
        self.journal.look_again()
        self.spread.begin(ordinal, numbers)
        cause = NO_CAUSE
        try:
            with (
                worker_seen(self.folder, self.worker) as self.spread.tell,
                in_use(self.run.device),
            ):
                complete(self.job, self.run.afresh(), lambda result: result)
        except Reached:
            cause = ""
        except Exception as error:  # the run computes it again, and tells of it
            cause = first_line(error)
        at = numbers if self.spread.at is None else [self.spread.at]
        failed = dict.fromkeys(at, cause) if cause else {}
        files = self.journal.written[written:]
        return Report(worker=self.worker, files=files, failed=failed)


def work(job: str, ordinal: int, numbers: list[int]) -> str:
    """Compute items of a run; what an executor calls on a worker.

    Args:
        job: a ``WorkerJob`` as JSON.
        ordinal: the list that the items are of.
        numbers: their places in it.

    Returns:
        A ``Report`` as JSON.
    """
    try:
        return _opened(job).compute(ordinal, numbers).encoded()
    except (RefusedError, LmctoolError) as error:
        refused = str(error)
    except Exception as error:  # an item that fails is reported; so this is the run itself
        refused = f"it cannot open the run: {type(error).__name__}: {first_line(error)}"
    worker = this_process()
    return Report(worker=worker, refused=refused).encoded()


_open: dict[str, OpenRun] = {}
"""The run that this worker has open, by the digest of its job."""


def _opened(job: str) -> OpenRun:
    digest = hashlib.sha256(job.encode()).hexdigest()
    if digest not in _open:
        _open.clear()
        _open[digest] = OpenRun(WorkerJob.decoded(job))
    return _open[digest]


def parsed(job: WorkerJob) -> Job:
    """Return what the words of a job ask for, with what its run has settled for all workers.

    Raises:
        LmctoolError: they ask for what is not to be had here.
    """
    import click

    from lmctool.cli.analysis import AnalysisCommand
    from lmctool.cli.command import words_noted
    from lmctool.plugin import registry
    from lmctool.plugin.kinds import ANALYSES

    name, *words = job.words
    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    try:
        context = command.make_context(name, words, help_option_names=[])
    except click.UsageError as error:
        raise LmctoolError(error.format_message()) from error
    with words_noted(context):
        asked = command.job(context)
    settings = replace(asked.settings, device=job.device, repeats=job.evaluation)
    return replace(
        asked, settings=settings, quiet=True, gates=(), baseline=None, observers=(), executor=None
    )


def _go_to(job: WorkerJob) -> None:
    """Go to where the paths of a job start from, and take the user's standing choices.

    Raises:
        RefusedError: this machine does not see the folders of the run.
    """
    for folder in (job.here, job.folder):
        if not Path(folder).is_dir():
            raise RefusedError(
                f"it does not see folder '{folder}'; workers must reach the files of the run by the"
                " same paths"
            )
    os.chdir(job.here)
    for name in VARIABLES:
        os.environ.pop(name, None)
        if name in job.variables:
            os.environ[name] = job.variables[name]


def _checked(job: WorkerJob, asked: Job, run: Run) -> str:
    """Return in what the machine differs from that of the run, in words; empty if in nothing.

    Raises:
        RefusedError: the run is another, or the machine is and the user does not allow that.
    """
    parts = Identity(run, asked.recorded_options).parts(calibrated=False)
    if objection := other_run(job.identity, parts, run):
        raise RefusedError(objection)
    differs = other_machine(job.identity, job.probe, parts, run)
    if differs and not job.mixed:
        raise RefusedError(f"{differs}{MIXED}")
    return differs
