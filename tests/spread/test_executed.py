"""What becomes of items whose workers die, fail or are refused, with workers that are threads."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from lmctool.errors import LmctoolError
from lmctool.plugin.records import ExecutorFactory
from lmctool.plugin.spreading import Stage
from lmctool.results.journal import DRAFT, Journal
from lmctool.spread import executed
from lmctool.spread.executed import Executed, WorkersError, pieces
from lmctool.spread.finished import mark_of, marked
from lmctool.spread.pool import Pool
from lmctool.spread.records import Report, Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHO = Worker(host="elsewhere", device="CPU", process=7)


class Killed(BrokenExecutor):
    """What is told of a worker that was killed."""


class Workers:
    """Workers that write into a folder as processes do, and meet with what a test wants.

    Attributes:
        sent: the items of each piece of work, as it was begun.
        meet: called with an item when a worker is at it.
        start: called with the items of a piece before it is begun.
        given: the items that the run had.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[list[int]] = []
        self.meet: Callable[[int], None] = lambda _: None
        self.start: Callable[[list[int]], None] = lambda _: None
        self.given: list[int] = []

    def work(self, job: str, ordinal: int, numbers: list[int]) -> str:
        """Do as a worker does."""
        self.sent.append(numbers)
        self.start(numbers)
        journal = Journal(self.folder)
        stage = Stage(ordinal, "pairs", KEYS, divided=True)
        for number in numbers:
            if mark_of(journal, stage, number) is not None:
                continue
            try:
                with marked(journal, stage, number, WHO):
                    self.meet(number)
            except Killed:  # nothing is tidied up by one that is killed
                (self.folder / f"{ordinal}-{number}{DRAFT}").touch()
                raise
            except Exception as error:
                return Report(worker=WHO, failed={number: str(error)}).encoded()
        return Report(worker=WHO, files=journal.written).encoded()


KEYS = tuple("abcdefghij")


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    """Workers for ten items."""
    return Workers(tmp_path)


def run(workers: Workers, count: int = 2, executor: Executor | None = None) -> list[int]:
    """Return the steps of progress of a run that must get each item once, in order."""
    steps: list[int] = []
    factory = ExecutorFactory(lambda _: ThreadPoolExecutor(count))
    pool = Pool(factory, "", "cpu", executor or ThreadPoolExecutor(count))
    spread = Executed(pool, workers.work, Journal(workers.folder))
    given = workers.given = []
    try:
        with closing(spread.order("pairs", KEYS, steps.append, divided=True)) as order:
            given.extend(order)
    finally:
        pool.close()
    assert given == list(range(len(KEYS)))
    assert sum(steps) == len(KEYS)
    assert not list(workers.folder.glob(f"*{DRAFT}"))
    return steps


def times(count: int, error: Exception) -> Callable[[object], None]:
    """Return what raises an error at its first calls."""
    left = [error] * count
    return lambda _: (_ for _ in ()).throw(left.pop()) if left else None


def test_each_item_is_sent_once_in_pieces_that_become_smaller(workers: Workers) -> None:
    run(workers)
    assert sorted(chain(*workers.sent)) == list(range(10))
    assert [len(piece) for piece in pieces(range(10), 2)] == [3, 2, 2, 1, 1, 1]
    assert len(workers.sent) == 6


@pytest.mark.parametrize("count", [1, 2, 8, 99])
def test_pieces_hold_each_item_once(count: int) -> None:
    for length in (0, 1, 2, 17, 300):
        assert [n for piece in pieces(range(length), count) for n in piece] == list(range(length))


def test_an_item_that_kills_two_workers_is_computed_by_the_third(workers: Workers) -> None:
    kill = times(2, Killed("killed"))
    workers.meet = lambda number: kill(number) if number == 4 else None
    run(workers)
    assert [4] in workers.sent  # by itself: others are not to wait for it


def test_an_item_that_kills_three_workers_is_named_and_those_before_it_are_there(
    workers: Workers,
) -> None:
    kill = times(99, Killed("it broke"))
    workers.meet = lambda number: kill(number) if number in (4, 7) else None
    with pytest.raises(WorkersError, match=r"item 'e' of 'pairs' ended 3 workers .*it broke"):
        run(workers)
    assert workers.given == [0, 1, 2, 3]
    workers.meet = lambda _: None
    workers.sent.clear()
    run(workers)
    assert {4} <= set(chain(*workers.sent)) <= {4, 5, 6, 7, 8, 9}


def test_an_item_is_not_to_blame_for_workers_that_die_before_it(workers: Workers) -> None:
    workers.start = times(4, Killed("on the way"))
    run(workers)


def test_workers_that_never_begin_end_the_run(workers: Workers) -> None:
    workers.start = times(99, Killed("no module named torch"))
    told = r"6 workers ended before they began with anything .*: no module named torch"
    with pytest.raises(WorkersError, match=told):
        run(workers)


def test_what_a_killed_worker_had_finished_is_not_computed_again(workers: Workers) -> None:
    met: list[int] = []
    kill = times(1, Killed("killed"))

    def meet(number: int) -> None:
        met.append(number)
        if number == 1:
            kill(number)

    workers.meet = meet
    run(workers, 1)
    assert met.count(0) == 1 and met.count(1) == 2


def test_an_item_that_fails_is_left_to_the_run_and_those_behind_it_go_on(workers: Workers) -> None:
    met: list[int] = []

    def meet(number: int) -> None:
        met.append(number)
        if number == 1:
            raise ValueError("no such thing")

    workers.meet = meet
    run(workers, 1)
    assert sorted(met) == list(range(10))


def test_a_refused_worker_ends_the_run_and_what_is_finished_is_kept(workers: Workers) -> None:
    def refuse(job: str, ordinal: int, numbers: list[int]) -> str:
        if 9 in numbers:
            return Report(worker=WHO, refused="torch was 2 and is 1").encoded()
        return work(job, ordinal, numbers)

    work, workers.work = workers.work, refuse  # type: ignore[method-assign]
    with pytest.raises(WorkersError, match="worker 'elsewhere' is refused: torch was 2 and is 1"):
        run(workers, 1)
    assert any(workers.folder.iterdir())


def test_progress_is_told_before_a_piece_of_work_is_through(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executed, "PAUSE", 0.01)
    told = Event()

    def meet(number: int) -> None:
        if number == 1:
            told.wait(60)

    workers.meet = meet

    steps: list[int] = []
    pool = Pool(ExecutorFactory(lambda _: ThreadPoolExecutor(1)), "", "cpu", ThreadPoolExecutor(1))
    spread = Executed(pool, workers.work, Journal(workers.folder))
    with closing(spread.order("pairs", KEYS, steps.append, divided=True)) as order:
        assert next(order) == 0  # of a piece of five, whose second waits
        assert steps == [1]
        told.set()
        assert list(order) == list(range(1, 10))
    pool.close()
    assert sum(steps) == 10


def test_an_executor_that_breaks_whole_is_opened_again(workers: Workers) -> None:
    class Once(ThreadPoolExecutor):
        def submit(self, *_: object) -> Future[str]:  # type: ignore[override]
            raise BrokenExecutor("one of its processes ended")

    run(workers, executor=Once(1))


def test_what_is_finished_already_is_sent_to_nobody(workers: Workers) -> None:
    run(workers)
    workers.sent.clear()
    assert run(workers) == [10]
    assert workers.sent == []


def test_whose_work_it_is_is_written_before_any_worker_begins(workers: Workers) -> None:
    told: list[bool] = []
    journal = Journal(workers.folder, begin=lambda: told.append(bool(workers.sent)))
    pool = Pool(ExecutorFactory(lambda _: ThreadPoolExecutor(1)), "", "cpu", ThreadPoolExecutor(1))
    list(Executed(pool, workers.work, journal).order("pairs", KEYS, lambda _: None))
    pool.close()
    assert told == [False]


def test_an_executor_that_is_not_to_be_had_again_ends_the_run_with_a_sentence(
    workers: Workers,
) -> None:
    class Lost(ThreadPoolExecutor):
        def submit(self, *_: object, **__: object) -> Future[Any]:
            raise BrokenExecutor

    def refused(_: str) -> Executor:
        raise LmctoolError("no scheduler answers")

    pool = Pool(ExecutorFactory(refused), "", "cpu", Lost(1))
    spread = Executed(pool, workers.work, Journal(workers.folder))
    with pytest.raises(WorkersError, match="the workers are lost: no scheduler answers"):
        list(spread.order("pairs", KEYS, lambda _: None))
