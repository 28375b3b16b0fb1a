"""Several processes that take pieces of work as they come."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from lmctool_plugins.executors.processes.child import Child, EndedError, NotTakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Value = TypeVar("Value")

STARTS = 3
"""How often a process is started for a piece of work that it does not come to."""


class Slot:
    """The place of one process at a time, and of a new one where that ended.

    Attributes:
        environment: variables that a process has beside those of this one.
    """

    def __init__(self) -> None:
        """Begin without any: it starts with its first piece of work."""
        self.environment: dict[str, str] = {}
        self._child: Child | None = None
        self._killed = False

    def run(self, function: Callable[..., Value], arguments: tuple[Any, ...]) -> Value:
        """Return what a function gives there.

        Raises:
            BrokenExecutor: the process ended meanwhile, or comes to no work at all.
        """
        told = ""
        for _ in range(STARTS):
            child = self._child = self._child or Child(self.environment)
            if self._killed:  # by another thread, which may not have seen this one
                child.kill()
                raise BrokenExecutor("the processes were ended")
            try:
                value: Value = child.run(function, arguments)
                return value
            except NotTakenError as error:  # it had ended before, which is no fault of the work
                told, self._child = str(error), None
            except EndedError as error:
                self._child = None
                raise BrokenExecutor(str(error)) from error
        raise BrokenExecutor(told)

    def kill(self) -> None:
        """End the process, whatever it does; there is none after it."""
        self._killed = True
        if child := self._child:
            child.kill()

    def close(self) -> None:
        """Let go of what a killed process leaves; nothing runs here any more."""
        if child := self._child:
            child.close()


class Processes(Executor):
    """Processes that each do one piece of work at a time; the death of one touches no other.

    They know nothing of the script that started them, which needs no ``__main__`` guard: whatever
    they are to run is found by the name of its module.

    Attributes:
        count: how many there are.
        gpus: the GPU of each, by number, where that was asked for.
        chosen: whether somebody asked for so many.
    """

    def __init__(
        self, count: int, gpus: Sequence[int] | None = None, *, chosen: bool = True
    ) -> None:
        """Make places for so many; each process starts with its first piece of work."""
        self.count, self.gpus, self.chosen = count, gpus, chosen
        self._slots = [Slot() for _ in range(count)]
        self._free: SimpleQueue[Slot] = SimpleQueue()
        for slot in self._slots:
            self._free.put(slot)
        self._threads = ThreadPoolExecutor(count, "process")  # no thread starts before work does

    def limit(self, count: int) -> None:
        """Keep no more than so many places; called before any work."""
        while self.count > count:
            self._free.get()
            self._slots.pop(0)
            self.count -= 1

    def set_variable(self, name: str, values: Sequence[str]) -> None:
        """Set an environment variable for each process that starts from now on, values in turn."""
        for number, slot in enumerate(self._slots):
            slot.environment[name] = values[number % len(values)]

    def submit(self, fn: Callable[..., Value], /, *args: Any, **kwargs: Any) -> Future[Value]:
        """Run a function in the next process that is free."""
        if kwargs:
            raise TypeError("processes take arguments by position alone")
        return self._threads.submit(self._run, fn, args)

    def _run(self, function: Callable[..., Value], arguments: tuple[Any, ...]) -> Value:
        slot = self._free.get()
        try:
            return slot.run(function, arguments)
        finally:
            self._free.put(slot)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes, at once where nobody waits for their work; none is left after it."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures or not wait)
        for slot in self._slots:
            slot.kill()
        self._threads.shutdown()  # nothing holds them up any more
        for slot in self._slots:
            slot.close()
