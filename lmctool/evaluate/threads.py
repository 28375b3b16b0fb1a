"""Batches side by side on a CPU: threads that each compute whole batches, with their own cores.

Where all cores share each operation, they wait for one another after every one of them.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol, TypeVar

import torch
from torch import Tensor

from lmctool.evaluate.functional import PassOutputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lmctool.evaluate.functional import Outputs

Item = TypeVar("Item")
Value = TypeVar("Value")

MOST = 8
"""Batches at once, each of which takes memory; more cores than that share operations again."""


class Workers:
    """Threads for batches.

    Attributes:
        count: how many.
    """

    def __init__(self, count: int, threads: int) -> None:
        """Make them; each lets torch use so many threads of its own."""
        self.count = count
        self._pool = ThreadPoolExecutor(count, "batches", torch.set_num_threads, (threads,))

    def map(self, function: Callable[[Item], Value], items: Iterable[Item]) -> Iterator[Value]:
        """Give what a function makes of items, in their order; few of them are held at once."""
        ahead: deque[Future[Value]] = deque()
        casts = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
        try:
            for item in items:
                ahead.append(self._pool.submit(_as_here, function, item, casts))
                if len(ahead) > self.count:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
            wait(ahead)


@cache
def workers() -> Workers | None:
    """Return the threads of this process, or None where there is one core for all."""
    cores = torch.get_num_threads()
    count = min(cores, MOST)
    return Workers(count, cores // count) if count > 1 else None


def use_threads(count: int) -> None:
    """Let torch compute with so many threads, and batches side by side likewise."""
    if count != torch.get_num_threads():
        torch.set_num_threads(count)
        workers.cache_clear()


class Copied(Protocol):
    """Computes the outputs of networks, of which there may be several copies."""

    def __call__(self, weights: Mapping[str, Tensor]) -> Outputs:
        """Return the outputs of the network that has these weights."""

    def copies(self, weights: Mapping[str, Tensor], count: int) -> list[Outputs]:
        """Return outputs of one network that can work at the same time."""

    def is_reentrant(self, weights: Mapping[str, Tensor]) -> bool:
        """Tell whether a network has such copies."""


class SideBySide:
    """Computes what a network does, several batches at once.

    Each thread has a copy of the module, because a model may keep what it is working on.
    """

    def __init__(self, network: Copied, threads: Workers) -> None:
        """Keep both."""
        self.network = network
        self.threads = threads

    def __call__(self, weights: Mapping[str, Tensor]) -> Outputs:
        """Return the outputs of the network that has these weights."""
        if not self.network.is_reentrant(weights):
            return self.network(weights)
        return Several(self.network.copies(weights, self.threads.count), self.threads)


class Several(PassOutputs):
    """The outputs of one network, from copies of it that can work at the same time."""

    def __init__(self, copies: list[Outputs], threads: Workers) -> None:
        """Keep the copies, one for each thread."""
        self._threads = threads
        self._copies = copies
        self._free: SimpleQueue[Outputs] = SimpleQueue()
        for copy in copies:
            self._free.put(copy)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs for one batch."""
        return self._copies[0](inputs)

    def each(self, batches: Iterable[tuple[Tensor, Item]]) -> Iterator[tuple[Tensor, Item]]:
        """Give the outputs for each batch, in order, with what came beside it."""
        return self._threads.map(self._one, batches)

    def _one(self, batch: tuple[Tensor, Item]) -> tuple[Tensor, Item]:
        inputs, beside = batch
        copy = self._free.get()
        try:
            return copy(inputs), beside
        finally:
            self._free.put(copy)


def _as_here(function: Callable[[Item], Value], item: Item, casts: torch.dtype | None) -> Value:
    # a thread doesn't know what another one has switched off or on
    with torch.no_grad(), torch.autocast("cpu", casts, enabled=casts is not None):
        return function(item)
