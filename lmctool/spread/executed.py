"""The items of a run on the workers of an executor."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, first_line
from lmctool.plugin.spreading import Spreading
from lmctool.spread.finished import begun_in_vain, mark_of
from lmctool.spread.lists import tell_failure, tell_list
from lmctool.spread.records import Report, Worker, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from lmctool.plugin.progress import Advance
    from lmctool.plugin.spreading import Stage
    from lmctool.results.journal import Journal
    from lmctool.spread.pool import Pool

    Work = Callable[[str, int, list[int]], str]

DEATHS = 3
"""Workers that one item may cost, and that each place of a worker may without any item."""
PAUSE = 1.0
"""Seconds after which is looked again at what workers have finished of pieces under way."""


class WorkersError(LmctoolError):
    """Workers cannot compute what they were asked for; what is finished is kept."""


@dataclass
class _Sent:
    """The items of a list that were sent to workers, and what became of them.

    Attributes:
        stage: the list.
        job: the job that workers take them with.
        advance: called as items are finished.
        ready: the items that wait for nobody any more.
        futures: the items of each piece of work that is under way.
        deaths: how many workers each item has cost.
        lost: why an item will come back from no worker, by its number.
    """

    stage: Stage
    job: str
    advance: Advance
    ready: set[int] = field(default_factory=set)
    futures: dict[Future[str], Sequence[int]] = field(default_factory=dict)
    deaths: Counter[int] = field(default_factory=Counter)
    lost: dict[int, str] = field(default_factory=dict)

    def left(self, numbers: Sequence[int]) -> list[int]:
        """Return those that are not ready."""
        return [number for number in numbers if number not in self.ready]

    def take(self, numbers: Sequence[int]) -> None:
        """Take items as ready; those that are new count as progress."""
        new = self.left(numbers)
        self.ready.update(new)
        if new:
            self.advance(len(new))


class Executed(Spreading):
    """Sends items to workers, who write into the journal, and gives each one once it is there.

    To compute an item is then to read it.  One that failed over there is computed here, where its
    error is that of a run without workers.

    Attributes:
        job: gives the job as workers take it; called for every list, once the run is open.
        workers: all that took part so far.
    """

    def __init__(self, pool: Pool, work: Work, journal: Journal) -> None:
        """Take what runs work, what a worker does, and where finished work is."""
        super().__init__(pool.workers)
        self._pool, self._work, self._journal = pool, work, journal
        self._starts = 0
        self.job: Callable[[], str] = str
        self.workers: set[Worker] = set()

    def numbers(self, stage: Stage, advance: Advance) -> Iterator[int]:
        """Give the numbers in order, each once its item is in the journal.

        Raises:
            LmctoolError: the folder of finished work cannot be written.
            WorkersError: a worker is refused, or an item ends whoever computes it.
        """
        sent = _Sent(stage, self.job(), advance)
        if self._journal.folder is not None:
            tell_list(self._journal.folder, stage)
        numbers = range(len(stage.keys))
        self._take_finished(sent, numbers)
        left = sent.left(numbers)
        if left:
            self._describe()
        try:
            for piece in pieces(left, self._pool.workers):
                self._send(sent, piece)
            for number in numbers:
                while number not in sent.ready:
                    self._receive(sent)
                if number in sent.lost:
                    raise WorkersError(sent.lost[number])
                yield number
        finally:
            for future in sent.futures:
                future.cancel()

    def _describe(self) -> None:
        """Say in the folder whose work it has, before anyone adds to it."""
        try:
            self._journal.begin()
        except OSError as cause:
            raise LmctoolError(
                f"workers hand over what they compute in folder '{self._journal.folder}', which"
                f" cannot be written: {cause.strerror}"
            ) from cause

    def _send(self, sent: _Sent, numbers: Sequence[int]) -> None:
        arguments = (sent.job, sent.stage.ordinal, list(numbers))
        try:
            future = self._pool.executor.submit(self._work, *arguments)
        except BrokenExecutor:  # it took those that were under way with it
            self._reopen()
            future = self._pool.executor.submit(self._work, *arguments)
        sent.futures[future] = numbers

    def _reopen(self) -> None:
        """Have the executor again.

        Raises:
            WorkersError: it is not to be had any more; what is finished is kept.
        """
        try:
            self._pool.reopen()
        except LmctoolError as cause:
            raise WorkersError(f"the workers are lost: {cause}") from cause

    def _receive(self, sent: _Sent) -> None:
        """Wait for a piece of work, or a little, and take what is finished by then."""
        done, _ = wait(sent.futures, PAUSE, FIRST_COMPLETED)
        if not done and self._journal.look_again():
            for numbers in sent.futures.values():
                self._take_finished(sent, numbers)
        for future in done:
            numbers = sent.futures.pop(future)
            try:
                report = Report.decoded(future.result())
            except (Exception, CancelledError) as error:
                self._lost(sent, numbers, error)
            else:
                self._reported(sent, numbers, report)

    def _take_finished(self, sent: _Sent, numbers: Sequence[int]) -> None:
        """Take the items that are marked as finished in the journal."""
        marks = {n: mark_of(self._journal, sent.stage, n) for n in sent.left(numbers)}
        finished = {number: mark.worker for number, mark in marks.items() if mark is not None}
        if finished:
            self._starts = 0
        self.workers.update(finished.values())
        sent.take([*finished])

    def _reported(self, sent: _Sent, numbers: Sequence[int], report: Report) -> None:
        """Take the items that a worker is through with; it ends at one that fails."""
        if report.refused:
            raise WorkersError(f"worker '{report.worker.host}' is refused: {report.refused}")
        self._starts = 0
        self.workers.add(report.worker)
        self._journal.take(report.files)
        for number, cause in report.failed.items():
            self._tell_failure(sent.stage, number, report.worker, cause)
        failed = [place for place, number in enumerate(numbers) if number in report.failed]
        through = failed[-1] + 1 if failed else len(numbers)
        sent.take(numbers[:through])
        if behind := sent.left(numbers[through:]):
            self._send(sent, behind)

    def _lost(self, sent: _Sent, numbers: Sequence[int], error: BaseException) -> None:
        """Send the items of a worker that was lost once more: that which it was at by itself.

        Raises:
            WorkersError: one after the other ends before it comes to an item.
        """
        self._journal.look_again()
        self._take_finished(sent, numbers)
        left = sent.left(numbers)
        fatal = [number for number in left if begun_in_vain(self._journal, sent.stage, number)]
        if left and not fatal:
            self._starts += 1
            if self._starts >= DEATHS * self._pool.workers:
                raise WorkersError(
                    f"{self._starts} workers ended before they began with anything (the last with:"
                    f" {first_line(error)})"
                )
        for number in fatal:
            sent.deaths[number] += 1
            if sent.deaths[number] >= DEATHS:
                sent.lost[number] = (
                    f"item {sent.stage.name(number)} ended {DEATHS} workers one after the other"
                    f" (the last with: {first_line(error)}); it may need more memory than a worker"
                    " has, or its code ends the process"
                )
                sent.ready.add(number)
                here = this_process()
                self._tell_failure(sent.stage, number, here, sent.lost[number])
            else:
                self._send(sent, [number])
        if others := [number for number in left if number not in fatal]:
            self._send(sent, others)

    def _tell_failure(self, stage: Stage, number: int, worker: Worker, cause: str) -> None:
        """Write down what went wrong, for whoever looks at the folder."""
        if self._journal.folder is not None:
            tell_failure(self._journal.folder, stage, number, worker, cause)


def pieces(numbers: Sequence[int], workers: int) -> Iterator[Sequence[int]]:
    """Yield items in pieces of work: large ones first, which cost less, and small ones at the end.

    So workers are through at about the same time, however long an item takes.

    >>> list(map(len, pieces(range(45), 2)))
    [12, 9, 6, 5, 4, 3, 2, 1, 1, 1, 1]
    """
    while numbers:
        size = -(-len(numbers) // (2 * workers))
        yield numbers[:size]
        numbers = numbers[size:]
