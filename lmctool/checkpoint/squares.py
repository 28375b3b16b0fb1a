"""Squared norms of two checkpoints and of their difference, summed while blocks are read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch

from lmctool.checkpoint.reading import BLOCK, refuse_storage_format
from lmctool.errors import UnjudgedError
from lmctool.progress import silent
from lmctool.weights import check_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.checkpoint.checkpoint import Checkpoint
    from lmctool.progress import Progress

    Read = Callable[[str, int, int], Iterator[Tensor]]

SQUARES = ("a", "b", "a - b")
"""What the squared norms are of."""
SQUARES_TO = (*SQUARES, "o", "a - o", "b - o")
"""The same where there is an origin O too."""
STRETCH = 1 << 23
"""Values that one thread sums at a time."""
MOST_THREADS = 8


def squared_norms(
    checkpoints: Sequence[Checkpoint], names: Sequence[str], progress: Progress = silent
) -> NDArray[np.float64]:
    """Return the squared norms of tensors of two checkpoints and of their difference.

    Every value is a float64 before anything is done with it, and differences are taken value by
    value, never from the norms.  The order of all sums is fixed, whatever the number of threads.
    Each byte is read once and no more than a few megabytes are in memory, however large the
    checkpoints.

    Args:
        checkpoints: A and B; a third one is the origin that both are measured from.
        names: the tensors, none of them of whole numbers.
        progress: told how far it is.

    Returns:
        (tensor, square), the squares as ``SQUARES`` names them, or ``SQUARES_TO`` with an origin.

    Raises:
        LmctoolError: names or shapes differ, or a dtype is a storage format.
        UnjudgedError: a tensor holds NaN or infinite values, or such as have no finite square.
    """
    for other in checkpoints[1:]:
        check_same(checkpoints[0], other)
    for name in names:
        for checkpoint in checkpoints:
            file = checkpoint.stored[name].file
            refuse_storage_format(checkpoint.dtypes[name], name, file)
    sizes = {name: prod(checkpoints[0].shapes[name]) for name in names}
    found = _sums([checkpoint.blocks for checkpoint in checkpoints], sizes, progress)
    for name, sums in zip(names, found, strict=True):
        if not np.isfinite(sums).all():
            for checkpoint in checkpoints:
                checkpoint.stored[name].check(name)
            raise UnjudgedError(f"the squares of tensor {name!r} are too large for float64")
    return found


def held_squared_norms(
    weights: Sequence[Mapping[str, Tensor]], names: Sequence[str]
) -> NDArray[np.float64]:
    """Return what ``squared_norms`` does, of finite weights in memory."""
    sizes = {name: weights[0][name].numel() for name in names}
    return _sums([partial(_held_blocks, held) for held in weights], sizes)


def _held_blocks(
    weights: Mapping[str, Tensor], name: str, start: int, stop: int
) -> Iterator[Tensor]:
    values = weights[name].flatten()[start:stop].cpu()
    for begin in range(0, len(values), BLOCK):
        yield values[begin : begin + BLOCK]


def _sums(
    readers: Sequence[Read], sizes: Mapping[str, int], progress: Progress = silent
) -> NDArray[np.float64]:
    """Sum the squares of all blocks of each tensor, several stretches at a time."""
    total = np.zeros((len(sizes), len(SQUARES if len(readers) == 2 else SQUARES_TO)))
    work = [
        (row, name, start)
        for row, (name, size) in enumerate(sizes.items())
        for start in range(0, size, STRETCH)
    ]
    rows = _Rows()

    def stretch(name: str, start: int) -> NDArray[np.float64]:
        blocks = zip(*(read(name, start, start + STRETCH) for read in readers), strict=True)
        found: NDArray[np.float64] = np.add.reduce([_squares(each, rows.rows) for each in blocks])
        return found

    with (
        _one_thread_each() as threads,
        progress(len(work), "distance") as advance,
        ThreadPoolExecutor(min(threads, MOST_THREADS)) as pool,
    ):
        futures = [pool.submit(stretch, name, start) for _, name, start in work]
        try:
            for (row, *_), future in zip(work, futures, strict=True):
                total[row] += future.result()
                advance(1)
        finally:
            pool.shutdown(cancel_futures=True)
    return total


class _Rows(threading.local):
    """Room for the values of one block of A, of B and of a third in float64, for each thread."""

    def __init__(self) -> None:
        self.rows = torch.empty(3, BLOCK, dtype=torch.float64)


def _squares(blocks: Sequence[Tensor], rows: Tensor) -> list[float]:
    """Return the squared norms of one block of A, of B, and of what lies between."""
    a, b, origin = rows[:, : len(blocks[0])]
    found = [_square(_fill(a, blocks[0])), _square(_fill(b, blocks[1])), _square(a.sub_(b))]
    if len(blocks) > 2:
        found.append(_square(_fill(origin, blocks[2])))
        found.append(_square(_fill(a, blocks[0]).sub_(origin)))
        found.append(_square(b.sub_(origin)))
    return found


def _square(row: Tensor) -> float:
    return float(row.dot(row))


def _fill(row: Tensor, block: Tensor) -> Tensor:
    # torch turns one half after the other into a double, but many at once into floats
    return row.copy_(block.float() if block.dtype == torch.float16 else block)


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Let torch use one thread in each of ours meanwhile; gives how many it used before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)
