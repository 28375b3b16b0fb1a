"""A tensor whose values lie apart in its file, such as a transposed view that was saved."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from lmctool.checkpoint.reading import BLOCK, map_values, torch_dtypes
from lmctool.checkpoint.tensor_location import TensorLocation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

WINDOW = 1 << 24
"""Values that are put in order at once: of fewer, each would touch every page of the file anew."""


@dataclass(frozen=True, slots=True)
class StridedLocation(TensorLocation):
    """Where the values of such a tensor lie; they are put in order as they are asked for.

    Attributes:
        strides: values of the file from one index of each axis to the next; all within the file.
    """

    strides: tuple[int, ...]

    def pieces(self) -> Iterator[bytes]:
        """Yield the tensor's bytes in the order of its values, a block at a time."""
        import torch

        for block in self.blocks():
            yield block.contiguous().view(torch.uint8).numpy().tobytes()

    def blocks(
        self, start: int = 0, stop: int | None = None, size: int = BLOCK
    ) -> Iterator[Tensor]:
        """Yield the values as stored, flat and in order, ``size`` at a time."""
        last = self.count if stop is None else min(stop, self.count)
        window = size * max(1, WINDOW // size)
        for begin in range(start, last, window):
            values = self.mapped(begin, min(begin + window, last))
            yield from (values[place : place + size] for place in range(0, len(values), size))

    def mapped(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Return values as stored, flat and in order: a copy."""
        import torch

        shape = self.entry.shape
        last = self.count if stop is None else min(stop, self.count)
        # the outer axes are gone through one by one, so that rows within are short
        axis = next(axis for axis in range(len(shape)) if prod(shape[axis + 1 :]) <= BLOCK)
        row, slab = prod(shape[axis + 1 :]), prod(shape[axis:])
        parts = [torch.empty(0, dtype=torch_dtypes()[self.entry.dtype])]
        for number in range(start // slab, -(-last // slab) if start < last else 0):
            begin = max(start - number * slab, 0)
            end = min(last - number * slab, slab)
            rows = range(begin // row, -(-end // row))
            values = self._rows(axis, number, rows).flatten()
            parts.append(values[begin - rows.start * row : end - rows.start * row])
        return torch.cat(parts)

    def _rows(self, axis: int, number: int, rows: range) -> Tensor:
        """Return rows along an axis, at one index of all outer axes together."""
        shape, strides = self.entry.shape, self.strides
        first = rows.start * strides[axis]
        for size, stride in zip(reversed(shape[:axis]), reversed(strides[:axis]), strict=True):
            number, index = divmod(number, size)
            first += index * stride
        sizes = (len(rows), *shape[axis + 1 :])
        dtype = torch_dtypes()[self.entry.dtype]
        offset = self.offset + first * dtype.itemsize
        values = map_values(self.file, offset, span(sizes, strides[axis:]), dtype)
        return values.as_strided(sizes, strides[axis:])


def span(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Return how many values there are from the first to the last of a tensor."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Tell whether the values of a tensor lie one after another, in order."""
    due = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != due:
            return 0 in shape
        due *= size
    return True
