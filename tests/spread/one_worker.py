"""One worker process that all tests of a module share: to start one takes seconds."""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
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

NAME = "one-worker"
"""The word for it."""
MODULE = "lmctool_plugins.executors.processes"
"""Where it is said to be from, whose code is that of lmctool itself."""
AT_ONCE = 2
"""As many as the run believes to be there, so that lists are cut up as for several."""
for_good = ExitStack()


class Lent(Executor):
    """The executor that a run gets: to shut it down leaves the process as it is."""

    def __init__(self, process: ProcessPoolExecutor) -> None:
        """Take the one that has the process."""
        self._process = process

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function there."""
        return self._process.submit(fn, *args, **kwargs)


def prepare(own: str) -> None:
    """Make the process as that of the tests is: graphs are shared, the user has no settings."""
    from lmctool.run import resources

    resources.capture = capture_once  # type: ignore[attr-defined]
    click.get_app_dir = lambda name, *_: f"{own}/{name}"  # type: ignore[assignment]
    # what is installed counts among what numbers depend on
    for_good.enter_context(registry.registered(EXECUTORS, NAME, ExecutorFactory(never), MODULE))


def never(_: str) -> Executor:
    """Refuse to open an executor within a worker."""
    raise LmctoolError("a worker has no workers")


@contextmanager
def one_worker(own: Path) -> Iterator[ProcessPoolExecutor]:
    """Start a worker process, and let ``--executor one-worker`` be it.

    Args:
        own: the folder that the user's own settings are looked for in.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), prepare, (str(own),)) as process:
        factory = ExecutorFactory(lambda _: Lent(process), lambda _: AT_ONCE, threads=lambda _: 1)
        with registry.registered(EXECUTORS, NAME, factory, MODULE):
            yield process
