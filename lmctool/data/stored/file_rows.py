"""Examples that lie one after the other in a file, read when they are asked for."""

from __future__ import annotations

import zlib
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from numpy.typing import NDArray

    from lmctool.data.stored.read_file import ReadFile

    Places = NDArray[np.int64]


class Checksum:
    """The CRC-32 of a part of a file, known once all of it was read in order.

    Attributes:
        what: what to call the part in an error.
    """

    def __init__(self, what: str, due: int, begun: bytes, size: int) -> None:
        """Take what the checksum is to be.

        Args:
            what: what to call the part in an error.
            due: its checksum.
            begun: what lies before its examples.
            size: the bytes of these.
        """
        self.what = what
        self._due, self._size = due, size
        self._first = self._sum = zlib.crc32(begun)
        self._read = 0

    def add(self, place: int, content: NDArray[np.uint8]) -> None:
        """Count what was read at a place, if it follows what was counted.

        Raises:
            LmctoolError: that was the last of it, and the checksum is another.
        """
        if self._read == self._size:
            return
        if place == 0:
            self._sum, self._read = self._first, 0
        if place != self._read:
            return
        self._sum, self._read = zlib.crc32(content.data, self._sum), self._read + content.nbytes
        if self._read == self._size and self._sum != self._due:
            raise LmctoolError(f"{self.what} is damaged: its checksum is another; copy it again")


class FileRows:
    """Examples that lie one after the other in a file, as they are.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: no.
    """

    costly = False

    def __init__(
        self,
        file: ReadFile,
        offset: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        checksum: Checksum | None = None,
    ) -> None:
        """Take the place of the first one.

        Args:
            file: the file.
            offset: the first byte.
            shape: (example, ...), an axis at least.
            dtype: of the values.
            checksum: what is told of all of them, if anything is.
        """
        self.shape, self.dtype = shape, dtype
        self._file, self._offset, self._checksum = file, offset, checksum

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.shape[0]

    def __getitem__(self, places: Places) -> NDArray[Any]:
        """Return the examples at rising places.

        Raises:
            LmctoolError: the file cannot be read, or was changed.
        """
        with self._file.reading(), self._file.path.open("rb", buffering=0) as file:
            found = read_rows(file, self._offset, places, self._row)
        if self._checksum and len(places) and places[-1] - places[0] == len(places) - 1:
            self._checksum.add(int(places[0]) * self._row, found)
        return found.view(self.dtype).reshape(len(places), *self.shape[1:])

    @property
    def _row(self) -> int:
        return prod(self.shape[1:]) * self.dtype.itemsize


class ColumnRows(FileRows):
    """Examples of an array in a file that has its first axis innermost, as Fortran does.

    Attributes:
        costly: yes; a batch is picked from all over the file.
    """

    costly = True

    def __getitem__(self, places: Places) -> NDArray[Any]:
        """Return the examples at rising places.

        Raises:
            LmctoolError: the file cannot be read, or was changed.
        """
        count, columns = len(places), prod(self.shape[1:])
        first, span = int(places[0]), int(places[-1] - places[0]) + 1
        found = np.empty((count, columns), self.dtype, order="F")
        with self._file.reading(), self._file.path.open("rb", buffering=0) as file:
            for column in range(columns):
                start = self._offset + (column * len(self) + first) * self.dtype.itemsize
                values = read_exactly(file, start, span * self.dtype.itemsize)
                found[:, column] = values.view(self.dtype)[places - first]
        return found.reshape(count, *self.shape[1:], order="F")


def read_rows(file: FileIO, offset: int, places: Places, row: int) -> NDArray[np.uint8]:
    """Return examples of an open file, (example, byte).

    Args:
        file: the file.
        offset: the first byte of the first example.
        places: which, rising.
        row: the bytes of one.

    Raises:
        EOFError: the file ends before.
    """
    found = np.empty((len(places), row), np.uint8)
    for run in runs(places):
        _fill(file, offset + int(places[run.start]) * row, found[run])
    return found


def read_exactly(file: FileIO, offset: int, size: int) -> NDArray[np.uint8]:
    """Return so many bytes of an open file from a place on.

    Raises:
        EOFError: the file ends before.
    """
    found = np.empty(size, np.uint8)
    _fill(file, offset, found)
    return found


def _fill(file: FileIO, offset: int, goal: NDArray[np.uint8]) -> None:
    file.seek(offset)
    left = goal.reshape(-1).data
    while left:
        # not mapped into memory: what a file loses while it is mapped kills the process
        read = file.readinto(left)
        if not read:
            raise EOFError("it ends within its examples")
        left = left[read:]


def runs(places: Places) -> Iterator[slice]:
    """Give the parts of rising places that follow one another without a gap."""
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    bounds = [0, *cuts.tolist(), len(places)]
    return (slice(*pair) for pair in pairwise(bounds) if pair[0] < pair[1])
