"""Processes of this machine: processes:4, or one for each GPU: processes:cuda:0,cuda:1."""

from __future__ import annotations

import os
import re
import threading
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from lmctool.api import ExecutorFactory, LmctoolError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Value = TypeVar("Value")


class Slot:
    """One process at a time, and a new one where it was killed."""

    def __init__(self, gpu: str | None) -> None:
        """Take the GPU that is the only one that the process sees; None leaves all."""
        self._gpu = gpu
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, get_context("spawn"), begin, (self._gpu,))

    def run(self, function: Callable[..., Value], arguments: tuple[Any, ...]) -> Value:
        """Return what a function gives there.

        Raises:
            BrokenExecutor: the process ended meanwhile.
        """
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenExecutor:
            self._pool.shutdown(wait=False)
            self._pool = self._new()
            raise

    def end(self) -> None:
        """End the process, whatever it does."""
        for process in list((self._pool._processes or {}).values()):
            process.terminate()
        self._pool.shutdown(wait=False, cancel_futures=True)


class Processes(Executor):
    """Processes that each do one piece of work at a time; the death of one touches no other.

    Attributes:
        gpus: the GPU of each process; None where it sees all.
    """

    def __init__(self, gpus: Sequence[str | None]) -> None:
        """Make as many as there are GPUs; each starts with its first piece of work."""
        self.gpus = tuple(gpus)
        self._slots = [Slot(gpu) for gpu in gpus]
        self._free: SimpleQueue[Slot] = SimpleQueue()
        for slot in self._slots:
            self._free.put(slot)
        self._threads = ThreadPoolExecutor(len(gpus), "process")

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
        """End all processes; those at work are ended too where nobody waits for them."""
        if wait:
            self._threads.shutdown(wait=True, cancel_futures=cancel_futures)
        else:
            self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        for slot in self._slots:
            slot.end()


def begin(gpu: str | None) -> None:
    """Begin a process: with one GPU in sight, and an end as soon as its parent has ended."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def gpus(arguments: str) -> list[str | None]:
    """Return the GPU of each process that the text behind the colon asks for.

    Raises:
        LmctoolError: it is neither a number of processes nor a list of GPUs.
    """
    if not arguments:
        return [None] * (os.cpu_count() or 1)
    if arguments.isdecimal() and int(arguments):
        return [None] * int(arguments)
    found = [re.fullmatch(r"cuda:(\d+)", word) for word in arguments.split(",")]
    if all(found):
        return [gpu[1] for gpu in found if gpu]
    raise LmctoolError(
        f"executor 'processes' takes a number of processes or a list of GPUs, and {arguments!r} is"
        " neither; try processes:4 or processes:cuda:0,cuda:1"
    )


def _threads(executor: Executor) -> int:
    import torch

    assert isinstance(executor, Processes)
    return max(1, torch.get_num_threads() // len(executor.gpus))


def _workers(executor: Executor) -> int:
    assert isinstance(executor, Processes)
    return len(executor.gpus)


def _device(executor: Executor) -> str | None:
    assert isinstance(executor, Processes)
    return None if executor.gpus[0] is None else "cuda"


@hookimpl
def lmctool_executor() -> ExecutorFactory:
    """Add the executor processes."""
    return ExecutorFactory(
        lambda arguments: Processes(gpus(arguments)), _workers, _threads, _device
    )
