"""The executor that a run's work goes to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.plugin import registry
from lmctool.plugin.kinds import EXECUTORS

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from lmctool.plugin.records import ExecutorFactory


@dataclass
class Pool:
    """An executor, and how to have it again when it broke.

    Attributes:
        factory: makes executors.
        arguments: the text behind the colon of ``NAME:ARGUMENTS``.
        run_device: the word for the device of the run.
        executor: the one that is open.
    """

    factory: ExecutorFactory
    arguments: str
    run_device: str
    executor: Executor

    @classmethod
    def opened(cls, word: str, device: str) -> Pool:
        """Open the executor that ``NAME`` or ``NAME:ARGUMENTS`` asks for.

        Args:
            word: that.
            device: the word for the device of the run.

        Raises:
            LmctoolError: there is no such executor, or it cannot be opened.
        """
        name, _, arguments = word.partition(":")
        factory = registry.load(EXECUTORS, name)
        return cls(factory, arguments, device, _opened(factory, arguments, device))

    def reopen(self) -> None:
        """Take a new executor in the place of one that broke."""
        self.close()
        self.executor = _opened(self.factory, self.arguments, self.run_device)

    @property
    def workers(self) -> int:
        """How many items are computed at once."""
        if self.factory.workers is not None:
            return max(1, self.factory.workers(self.executor))
        return max(1, getattr(self.executor, "_max_workers", None) or os.cpu_count() or 1)

    @property
    def threads(self) -> int | None:
        """How many threads each worker has for itself; None where the executor does not say."""
        return None if self.factory.threads is None else self.factory.threads(self.executor)

    @property
    def device(self) -> str | None:
        """The word for the device of each worker; None where it is that of the run."""
        return None if self.factory.device is None else self.factory.device(self.executor)

    def close(self) -> None:
        """Let workers go; what they are computing is not waited for."""
        self.executor.shutdown(wait=False, cancel_futures=True)


def _opened(factory: ExecutorFactory, arguments: str, device: str) -> Executor:
    executor = factory.open(arguments)
    if factory.prepare is not None:
        try:
            factory.prepare(executor, device)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    return executor
