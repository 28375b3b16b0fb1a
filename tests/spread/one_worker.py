"""One worker process that all tests of a module share: to start one takes seconds."""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import click

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import EXECUTORS
from lmctool.plugin.records import ExecutorFactory
from tests.followed import capture_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from lmctool.spread.records import WorkerJob

NAME = "one-worker"
"""The word for it."""
MODULE = "lmctool_plugins.executors.processes"
"""Where it is said to be from, whose code is that of lmctool itself."""
AT_ONCE = 2
"""As many as the run believes to be there, so that lists are cut up as for several."""
for_good = ExitStack()
openings: list[str] = []
"""A folder for each run that this process opened."""


@dataclass
class OneWorker:
    """The process, and what happens on the way to it.

    Attributes:
        process: the executor that has it.
        on_the_way: makes of a job what gets there.
    """

    process: ProcessPoolExecutor
    on_the_way: Callable[[str], str] = str

    def opened(self) -> int:
        """Return how many runs the process has opened so far."""
        return self.process.submit(runs_opened).result()


class Lent(Executor):
    """The executor that a run gets: to shut it down leaves the process as it is."""

    def __init__(self, worker: OneWorker) -> None:
        """Take the process."""
        self._worker = worker

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function there."""
        job, *more = args
        return self._worker.process.submit(fn, self._worker.on_the_way(job), *more, **kwargs)


def runs_opened() -> int:
    """Return how many runs this process has opened so far."""
    return len(openings)


def prepare(own: str) -> None:
    """Make the process as that of the tests is: graphs are shared, the user has no settings."""
    from lmctool.cli import worker
    from lmctool.run import resources

    go_to = worker._go_to

    def noting(job: WorkerJob) -> None:
        openings.append(job.folder)
        go_to(job)

    worker._go_to = noting
    setattr(resources, "capture", capture_once)  # noqa: B010 - it exports none
    click.get_app_dir = lambda name, *_: f"{own}/{name}"
    # what is installed counts among what numbers depend on
    for_good.enter_context(registry.registered(EXECUTORS, NAME, ExecutorFactory(never), MODULE))


def never(_: str) -> Executor:
    """Refuse to open an executor within a worker."""
    raise LmctoolError("a worker has no workers")


@contextmanager
def one_worker(own: Path) -> Iterator[OneWorker]:
    """Start a worker process, and let ``--executor one-worker`` be it.

    Args:
        own: the folder that the user's own settings are looked for in.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), prepare, (str(own),)) as process:
        worker = OneWorker(process)
        factory = ExecutorFactory(lambda _: Lent(worker), lambda _: AT_ONCE, threads=lambda _: 1)
        with registry.registered(EXECUTORS, NAME, factory, MODULE):
            yield worker
