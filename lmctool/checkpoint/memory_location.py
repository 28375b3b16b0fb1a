"""A tensor in memory, in the place of one in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.checkpoint.reading import BLOCK
from lmctool.checkpoint.tensor_location import PIECE, TensorLocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class MemoryLocation(TensorLocation):
    """Where such a tensor is: its ``file`` is the path that stands for its network.

    Attributes:
        values: all of them, flat and in order, on the CPU; nobody may change them.
    """

    values: Tensor

    def pieces(self) -> Iterator[bytes]:
        """Yield the tensor's bytes, a few megabytes at a time."""
        import torch

        data = self.values.view(torch.uint8)
        for begin in range(0, len(data), PIECE):
            yield data[begin : begin + PIECE].numpy().tobytes()

    def blocks(
        self, start: int = 0, stop: int | None = None, size: int = BLOCK
    ) -> Iterator[Tensor]:
        """Yield copies of the values, flat and in order, ``size`` at a time."""
        last = self.count if stop is None else min(stop, self.count)
        for begin in range(start, last, size):
            yield self.mapped(begin, min(begin + size, last))

    def mapped(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Return values as stored, flat and in order: a copy."""
        return self.values[start:stop].clone()
