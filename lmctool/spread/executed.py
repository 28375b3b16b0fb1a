"""The items of a run on the workers of an executor."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, first_line
from lmctool.plugin.spreading import Spreading
from lmctool.spread.finished import mark_of
from lmctool.spread.records import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from lmctool.plugin.progress import Advance
    from lmctool.plugin.spreading import Stage
    from lmctool.results.journal import Journal
    from lmctool.spread.pool import Pool
    from lmctool.spread.records import Worker

    Work = Callable[[str, int, list[int]], str]

DEATHS = 3
"""Workers that one item may cost."""
ROUNDS = 4
"""Pieces of work for each worker, at least: one that is slow holds up the others less."""


class LostWorkersError(LmctoolError):
    """An item that ends whoever computes it; what others finished is kept."""


@dataclass
class _Sent:
    """The items of a list that were sent to workers, and what became of them.

    Attributes:
        ready: the items that wait for nobody any more.
        futures: the items of each piece of work that is under way.
        deaths: how many workers each item has cost.
        lost: why an item will come back from no worker, by its number.
    """

    ready: set[int] = field(default_factory=set)
    futures: dict[Future[str], list[int]] = field(default_factory=dict)
    deaths: Counter[int] = field(default_factory=Counter)
    lost: dict[int, str] = field(default_factory=dict)


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
        self.job: Callable[[], str] = str
        self.workers: set[Worker] = set()

    def numbers(self, stage: Stage, advance: Advance) -> Iterator[int]:
        """Give the numbers in order, each once its item is in the journal.

        Raises:
            LmctoolError: a worker is refused.
            LostWorkersError: an item ends whoever computes it.
        """
        sent = _Sent()
        job = self.job()
        for number in range(len(stage.keys)):
            if (mark := mark_of(self._journal, stage, number)) is not None:
                sent.ready.add(number)
                self.workers.add(mark.worker)
        advance(len(sent.ready))
        left = [number for number in range(len(stage.keys)) if number not in sent.ready]
        size = max(1, len(left) // (ROUNDS * self._pool.workers))
        try:
            for start in range(0, len(left), size):
                self._send(sent, job, stage, left[start : start + size])
            for number in range(len(stage.keys)):
                while number not in sent.ready:
                    self._receive(sent, job, stage, advance)
                if number in sent.lost:
                    raise LostWorkersError(sent.lost[number])
                yield number
        finally:
            for future in sent.futures:
                future.cancel()

    def _send(self, sent: _Sent, job: str, stage: Stage, numbers: list[int]) -> None:
        try:
            future = self._pool.executor.submit(self._work, job, stage.ordinal, numbers)
        except BrokenExecutor:  # it took those that were under way with it
            self._pool.reopen()
            future = self._pool.executor.submit(self._work, job, stage.ordinal, numbers)
        sent.futures[future] = numbers

    def _receive(self, sent: _Sent, job: str, stage: Stage, advance: Advance) -> None:
        """Wait until a piece of work is done, and take what came of it."""
        if not sent.futures:  # cannot be: what is not ready is under way
            raise RuntimeError("nothing is under way")
        done, _ = wait(sent.futures, return_when=FIRST_COMPLETED)
        for future in done:
            numbers = sent.futures.pop(future)
            try:
                report = Report.decoded(future.result())
            except (Exception, CancelledError) as error:
                self._lost(sent, job, stage, numbers, error)
                continue
            if report.refused:
                raise LmctoolError(f"worker '{report.worker.host}' is refused: {report.refused}")
            self.workers.add(report.worker)
            self._journal.take(report.files)
            sent.ready.update(numbers)
            advance(len(numbers))

    def _lost(
        self, sent: _Sent, job: str, stage: Stage, numbers: Sequence[int], error: BaseException
    ) -> None:
        """Send the items of a worker that was lost once more, each by itself."""
        for number in numbers:
            sent.deaths[number] += len(numbers) == 1
            if sent.deaths[number] >= DEATHS:
                sent.lost[number] = (
                    f"item {stage.name(number)} ended {DEATHS} workers one after the other (the"
                    f" last with: {first_line(error)}); it may need more memory than a worker has,"
                    " or its code ends the process"
                )
                sent.ready.add(number)
            else:
                self._send(sent, job, stage, [number])
