"""Where the tensors of a checkpoint lie, and their values a few at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from lmctool.checkpoint.reading import (
    BLOCK,
    WHOLE,
    is_finite,
    map_values,
    nonfinite,
    read_blocks,
    refuse_storage_format,
    refuse_too_large,
    torch_dtypes,
)
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import torch
    from torch import Tensor

    from lmctool.checkpoint.header import Entry

PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class TensorLocation:
    """Where one tensor lies: its file, its name there, its first byte in it."""

    file: Path
    name: str
    entry: Entry
    offset: int

    @property
    def count(self) -> int:
        """How many values it has."""
        return prod(self.entry.shape)

    def tensor(self) -> Tensor:
        """Return the tensor as stored; it may share memory with the file, see ``mapped``.

        Raises:
            LmctoolError: the file cannot be read any more, or has become shorter.
        """
        return self.mapped().view(self.entry.shape)

    def pieces(self) -> Iterator[bytes]:
        """Yield the tensor's bytes, a few megabytes at a time.

        Raises:
            LmctoolError: the file has become shorter since it was opened.
        """
        left = self.entry.end - self.entry.begin
        with self.file.open("rb") as file:
            file.seek(self.offset)
            while left:
                piece = file.read(min(left, PIECE))
                if not piece:
                    raise LmctoolError(f"'{self.file}' was changed while it was being read")
                left -= len(piece)
                yield piece

    def blocks(
        self, start: int = 0, stop: int | None = None, size: int = BLOCK
    ) -> Iterator[Tensor]:
        """Yield the values as stored, flat and in order, ``size`` at a time.

        However large the tensor, no more than one block of it is in memory.  A block lies where
        the one before it lay: what is to outlive it must be copied.

        Args:
            start: the first value.
            stop: the value after the last; by default the tensor's end.
            size: values of one block; the last may have fewer.

        Raises:
            LmctoolError: the file cannot be read any more, or has become shorter.
        """
        last = self.count if stop is None else min(stop, self.count)
        dtype = torch_dtypes()[self.entry.dtype]
        offset = self.offset + start * dtype.itemsize
        return read_blocks(self.file, offset, max(last - start, 0), dtype, size)

    def mapped(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Return values as stored, flat, out of the file mapped into memory.

        Nothing is read until it is looked at.  A file that becomes shorter while it is mapped
        kills the process: look at the values at once, and keep them for no longer.

        Args:
            start: the first value.
            stop: the value after the last; by default the tensor's end.

        Raises:
            LmctoolError: the file cannot be read any more, or has become shorter.
        """
        last = self.count if stop is None else min(stop, self.count)
        dtype = torch_dtypes()[self.entry.dtype]
        offset = self.offset + start * dtype.itemsize
        return map_values(self.file, offset, max(last - start, 0), dtype)

    def numbers(
        self,
        name: str,
        dtype: torch.dtype,
        start: int = 0,
        stop: int | None = None,
        size: int = BLOCK,
    ) -> Iterator[Tensor]:
        """Yield the values of a floating tensor in the dtype of weights, block by block.

        A block may lie where the one before it lay.

        Args:
            name: what the tensor is called, for the error.
            dtype: of the values.
            start: the first value.
            stop: the value after the last; by default the tensor's end.
            size: values of one block; the last may have fewer.

        Raises:
            UnjudgedError: some are NaN or infinite.
            LmctoolError: their dtype is a storage format, or a value does not fit.
        """
        refuse_storage_format(self.entry.dtype, name, self.file)
        for block in self.blocks(start, stop, size):
            values = block.to(dtype)
            if not is_finite(values):
                self.check(name)
                refuse_too_large(values, name, self.file)
            yield values

    def check(self, name: str) -> None:
        """Check that arithmetic can be done on the values, reading them block by block.

        Args:
            name: what the tensor is called, for the error.

        Raises:
            UnjudgedError: some are NaN or infinite.
            LmctoolError: their dtype is a storage format (float8, complex).
        """
        if self.entry.dtype in WHOLE:
            return
        refuse_storage_format(self.entry.dtype, name, self.file)
        count = sum(int((~block.isfinite()).sum()) for block in self.blocks())
        if count:
            raise nonfinite(count, self.count, name, f"'{self.file}'")


@dataclass(frozen=True, slots=True)
class TensorFile:
    """What one file holds of a checkpoint.

    Attributes:
        locations: where each tensor lies, by stored name.
        metadata: text to text.
        left_out: what else the file holds, dotted names.
    """

    locations: Mapping[str, TensorLocation]
    metadata: Mapping[str, str]
    left_out: tuple[str, ...] = ()
