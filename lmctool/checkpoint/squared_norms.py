"""Squared norms of two checkpoints and of their difference, summed while blocks are read."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lmctool.checkpoint.compare import check_same
from lmctool.checkpoint.reading import refuse_storage_format
from lmctool.errors import UnjudgedError
from lmctool.plugin.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.checkpoint.checkpoint import Checkpoint
    from lmctool.plugin.progress import Progress

    Read = Callable[[str, int, int], Tensor]
    Vector = NDArray[np.floating[Any]]

SQUARES = ("a", "b", "a - b")
"""What the squared norms are of."""
SQUARES_TO = (*SQUARES, "o", "a - o", "b - o")
"""The same where there is an origin O too."""
STRETCH = 1 << 23
"""Values that one thread maps and sums at a time."""
BLOCK = 1 << 18
"""Values that are subtracted at once: their differences stay in a processor's cache."""
RUN = 256
"""Squares that are summed in float32; eight or more sums run side by side in each processor."""
LEAST = 2.0**-85
"""The least square of a block that what is lost below float32's range cannot be seen in."""
MOST_THREADS = 8


def squared_norms(
    checkpoints: Sequence[Checkpoint], names: Sequence[str], progress: Progress = silent
) -> NDArray[np.float64]:
    """Return the squared norms of tensors of two checkpoints and of their difference.

    Differences are taken value by value, never from the norms.  Values of 32 bits or fewer are
    subtracted in float32, and ``RUN`` squares at a time are summed there; all else is float64.  So
    each square is within 1e-6 of itself, or within 1e-13 where values are float64 or beyond what
    float32 can square.  The order of all sums is fixed, whatever the number of threads.  Files are
    mapped a stretch at a time and each byte is read once, however large the checkpoints.

    Args:
        checkpoints: A and B; a third one is the origin that both are measured from.
        names: the tensors, none of them of whole numbers.
        progress: shows how far it is.

    Returns:
        (tensor, square), the squares as ``SQUARES`` names them, or ``SQUARES_TO`` with an origin.

    Raises:
        LmctoolError: a tensor is lacking or has another shape, or a dtype is a storage format.
        UnjudgedError: a tensor holds NaN or infinite values, or such as have no finite square.
    """
    first, *others = (each.without(each.shapes.keys() - {*names}) for each in checkpoints)
    for other in others:
        check_same(first, other)
    for name in names:
        for checkpoint in checkpoints:
            file = checkpoint.locations[name].file
            refuse_storage_format(checkpoint.dtypes[name], name, file)
    sizes = {name: prod(checkpoints[0].shapes[name]) for name in names}
    squares = _sums([checkpoint.mapped for checkpoint in checkpoints], sizes, progress)
    for name, sums in zip(names, squares, strict=True):
        if not np.isfinite(sums).all():
            for checkpoint in checkpoints:
                checkpoint.locations[name].check(name)
            raise UnjudgedError(f"the squares of tensor {name!r} are too large for float64")
    return squares


def squared_norms_of_weights(
    weights: Sequence[Mapping[str, Tensor]], names: Sequence[str]
) -> NDArray[np.float64]:
    """Return what ``squared_norms`` does, of finite weights in memory."""
    sizes = {name: weights[0][name].numel() for name in names}
    return _sums([partial(_values, mapping) for mapping in weights], sizes)


def squared_distance(a: Tensor, b: Tensor) -> float:
    """Return the squared norm of the difference of two flat tensors of weights on the CPU.

    It is as close as those of ``squared_norms``.
    """
    single = a.dtype != torch.float64 and b.dtype != torch.float64
    difference = torch.sub(a.float(), b.float()) if single else torch.sub(a.double(), b.double())
    vector: Vector = difference.numpy()
    square = _square(vector) if single else math.nan
    if math.isnan(square):
        vector = torch.sub(a.double(), b.double()).numpy()
        square = float(vector.dot(vector))
    return square


def _values(weights: Mapping[str, Tensor], name: str, start: int, stop: int) -> Tensor:
    return weights[name].flatten()[start:stop].cpu()


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
    room = _Room()

    def stretch(name: str, start: int) -> NDArray[np.float64]:
        values = [read(name, start, start + STRETCH) for read in readers]
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large is found afterwards
            return _squares(values, room)

    with (
        one_thread_each() as threads,
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


class _Room(threading.local):
    """Room for the values of one block of each checkpoint and a difference, for each thread."""

    def __init__(self) -> None:
        self.single = np.empty((4, BLOCK), np.float32)
        self.double = np.empty((4, BLOCK), np.float64)


def _squares(values: Sequence[Tensor], room: _Room) -> NDArray[np.float64]:
    """Return the squared norms of one stretch of A, of B, and of what lies between."""
    total = np.zeros(len(SQUARES if len(values) == 2 else SQUARES_TO))
    single = all(each.dtype != torch.float64 for each in values)
    for start in range(0, len(values[0]), BLOCK):
        blocks = [each[start : start + BLOCK] for each in values]
        sums = [_square(each) for each in _vectors(blocks, room.single)] if single else [math.nan]
        if math.isnan(sum(sums)):
            sums = [float(each.dot(each)) for each in _vectors(blocks, room.double)]
        total += sums
    return total


def _vectors(blocks: Sequence[Tensor], room: Vector) -> Iterator[Vector]:
    """Yield A, B, A - B, and with an origin O, A - O, B - O; a difference lies where the last."""
    *rows, apart = room[:, : len(blocks[0])]
    a, b, *origin = map(_filled, blocks, rows)
    yield a
    yield b
    yield np.subtract(a, b, out=apart)
    for o in origin:
        yield o
        yield np.subtract(a, o, out=apart)
        yield np.subtract(b, o, out=apart)


def _filled(block: Tensor, row: Vector) -> Vector:
    """Return a block's values in the dtype of a row, in the row if they have another."""
    if block.element_size() == row.itemsize:
        array: Vector = block.numpy()
        return array
    # torch turns one half after the other into a double, but many at once into floats
    torch.from_numpy(row).copy_(block.float() if block.dtype == torch.float16 else block)
    return row


def _square(vector: Vector) -> float:
    """Return the square of a float32 vector, or NaN where single precision cannot give it."""
    whole = len(vector) - len(vector) % RUN
    runs = vector[:whole].reshape(-1, RUN)
    square = float(np.vecdot(runs, runs).sum(dtype=np.float64))
    if whole < len(vector):
        rest = vector[whole:].astype(np.float64)
        square += float(rest.dot(rest))
    if LEAST <= square < math.inf or not (square or vector.any()):
        return square
    return math.nan


@contextmanager
def one_thread_each() -> Iterator[int]:
    """Let torch use one thread in each of ours meanwhile, and give how many it used before.

    Over blocks as small as these its own threads would mostly wait for one another.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)
