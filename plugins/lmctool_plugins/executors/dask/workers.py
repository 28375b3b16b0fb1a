"""Workers of Dask as an executor: one piece of work at a time for each."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lmctool.api import LmctoolError
from lmctool_plugins.executors.dask.piece import compute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = TypeVar("Value")

PAUSE = 0.5
"""Seconds between two looks at which workers there are."""
PATIENCE = 15.0
"""Seconds for which a scheduler may not answer before it is taken for lost."""
REFILL = 10.0
"""Seconds between two attempts to have workers in the place of those that are gone."""
RUNNING = "running"
"""The status of a worker that begins what it is given; one that lacks memory is ``paused``."""


class LostWorkerError(Exception):
    """A worker that ended while it was at work."""


class LostSchedulerError(BrokenExecutor):
    """A scheduler that answers no more."""


@dataclass(eq=False)
class Piece:
    """A piece of work.

    Attributes:
        function: computes it.
        arguments: what it is given.
        future: what whoever asked for it has.
        task: what Dask has of it, once a worker was given it.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any]
    task: Any = None


class Workers(Executor):
    """The workers of a scheduler, each of which is given a piece of work when it has none.

    Dask itself would give a worker as many as it has threads, and one whose worker died to another
    worker, without a word.  Here whoever asked for it learns that, and may ask again.

    Attributes:
        threads: how many threads each worker computes with.
        device: the word for the device of each; None where it is that of the run.
    """

    def __init__(
        self,
        client: Any,
        close: Callable[[], None],
        threads: int,
        *,
        planned: int = 1,
        device: str | None = None,
        refill: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin with the workers that there are.

        Args:
            client: of ``distributed``, connected.
            close: ends what was started, after the client was closed.
            threads: as the attribute.
            planned: how many workers there will be, at least.
            device: as the attribute.
            refill: starts workers in the place of those that are gone.
        """
        self.threads, self.device = threads, device
        self._client, self._close, self._refill = client, close, refill
        self._planned = planned
        self._lock = threading.RLock()
        self._waiting: deque[Piece] = deque()
        self._idle: set[str] = set()
        self._busy: dict[str, Piece] = {}
        self._known: set[str] = set()
        self._broken = ""
        self._shut = False
        self._ended = threading.Event()
        self._take(present(client))
        self._watcher = threading.Thread(target=self._watch, name="dask workers", daemon=True)
        self._watcher.start()

    @property
    def count(self) -> int:
        """How many workers there are, or will be."""
        return max(self._planned, len(self._known))

    def submit(self, fn: Callable[..., Value], /, *args: Any, **kwargs: Any) -> Future[Value]:
        """Run a function of a module on the next worker that has nothing to do.

        Raises:
            LostSchedulerError: the scheduler is lost.
        """
        if kwargs:
            raise TypeError("workers of Dask take arguments by position alone")
        piece = Piece(fn, args, Future())
        with self._lock:
            if self._shut:
                raise RuntimeError("the workers were let go")
            if self._broken:
                raise LostSchedulerError(self._broken)
            self._waiting.append(piece)
            self._assign()
        return piece.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let workers go; those that were started here end, whatever they do."""
        with self._lock:
            if self._shut:
                return
            self._shut = True
            dropped = list(self._waiting) if cancel_futures else []
            if cancel_futures:
                self._waiting.clear()
            left = [*self._waiting, *self._busy.values()]
        for piece in dropped:
            piece.future.cancel()
        if wait:
            _wait_for(left)
        self._ended.set()
        self._watcher.join()
        with self._lock:
            left = [*self._waiting, *self._busy.values()]
            self._waiting.clear()
            self._busy.clear()
        for piece in left:
            if piece.task is not None:
                with suppress(Exception):  # of a scheduler that is lost
                    piece.task.cancel()
            _fail(piece.future, LostWorkerError("the workers were let go"))
        with suppress(Exception):
            self._client.close(timeout=2)
        self._close()

    def _assign(self) -> None:
        """Give waiting pieces to workers that have none; called with the lock."""
        while self._waiting and self._idle:
            piece = self._waiting.popleft()
            if not piece.future.set_running_or_notify_cancel():
                continue
            address = self._idle.pop()
            self._busy[address] = piece
            piece.task = self._client.submit(
                compute,
                piece.function,
                *piece.arguments,
                workers=[address],
                allow_other_workers=False,
                pure=False,
                retries=0,
            )
            piece.task.add_done_callback(partial(self._finished, address, piece))

    def _finished(self, address: str, piece: Piece, task: Any) -> None:
        """Pass on what became of a piece, and give its worker the next one."""
        if task.cancelled():
            return  # the scheduler was lost, for now or for good: the watcher will see
        value, error = None, None
        try:
            value = task.result()
        except BaseException as raised:  # the cancelling of asyncio is no Exception
            error = raised
        with self._lock:
            if self._busy.get(address) is not piece:
                return  # its worker was missed before
            del self._busy[address]
            piece.task = None  # so that the scheduler forgets it
            if address in self._known:
                self._idle.add(address)
            self._assign()
        if error is None:
            piece.future.set_result(value)
        else:
            _fail(piece.future, error)

    def _watch(self) -> None:
        """See which workers come and go, until the end."""
        heard = refilled = time.monotonic()
        while not self._ended.wait(PAUSE):
            try:
                found = present(self._client)
                heard = time.monotonic()
                self._take(found)
                if len(found) < self._planned and heard - refilled > REFILL:
                    self._refill()
                    refilled = heard
            except LmctoolError as error:
                self._break(str(error))
                return
            except Exception as error:  # whatever a connection that is lost raises
                silent = time.monotonic() - heard
                if self._client.status == "closed" or silent > PATIENCE:
                    self._break(f"the Dask scheduler is lost: {error or type(error).__name__}")
                    return

    def _take(self, found: Mapping[str, Mapping[str, Any]]) -> None:
        """Take note of the workers that there are, and of those that are gone.

        One whose piece was cancelled is gone too: its scheduler was lost for a while.
        """
        with self._lock:
            cut = {name for name, piece in self._busy.items() if piece.task.cancelled()}
            gone = cut | (self._known - found.keys())
            ready = {name for name, of in found.items() if of.get("status", RUNNING) == RUNNING}
            self._known = set(found)
            self._idle = ready - self._busy.keys()
            lost = [(name, self._busy.pop(name)) for name in gone if name in self._busy]
            self._assign()
        for name, piece in lost:
            with suppress(Exception):
                piece.task.cancel()
            _fail(piece.future, LostWorkerError(f"worker {name} ended"))

    def _break(self, reason: str) -> None:
        """Fail all that is under way."""
        with self._lock:
            self._broken = reason
            left = [*self._waiting, *self._busy.values()]
            self._waiting.clear()
            self._busy.clear()
            self._known.clear()
            self._idle.clear()
        for piece in left:
            _fail(piece.future, LostSchedulerError(reason))


def present(client: Any) -> dict[str, Any]:
    """Return what the scheduler says of each worker, by its address.

    Raises:
        Exception: it does not answer.
    """
    identity = client.sync(client.scheduler.identity, callback_timeout=PATIENCE)
    workers: dict[str, Any] = identity["workers"]
    return workers


def _fail(future: Future[Any], error: BaseException) -> None:
    """Let a future end with an error, if it has not ended yet."""
    if not future.cancelled() and not future.done():
        with suppress(Exception):  # it ended this very moment
            future.set_exception(error)


def _wait_for(pieces: list[Piece]) -> None:
    wait([piece.future for piece in pieces])
