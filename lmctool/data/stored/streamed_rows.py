"""Examples of a packed file, which are unpacked one after the other from the first one on."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from lmctool.data.stored.file_rows import runs
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from numpy.typing import NDArray

    from lmctool.data.stored.read_file import ReadFile

SKIPPED = 1 << 20
"""Bytes that are unpacked at once where nobody wants them."""


class StreamedRows:
    """Examples of a packed file.

    Those that are asked for in order are unpacked once.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: yes.
    """

    costly = True

    def __init__(
        self,
        file: ReadFile,
        unpack: Callable[[], IO[bytes]],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        """Take the stream of them; nothing is unpacked yet.

        Args:
            file: the packed file.
            unpack: opens the stream, at the first example.
            shape: (example, ...), an axis at least.
            dtype: of the values.
        """
        self.shape, self.dtype = shape, dtype
        self._file, self._unpack = file, unpack
        self._stream: IO[bytes] | None = None
        self._next = 0

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.shape[0]

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the examples at rising places.

        Raises:
            LmctoolError: the file cannot be unpacked, holds fewer or more, or was changed.
        """
        row = prod(self.shape[1:]) * self.dtype.itemsize
        found = np.empty((len(places), row), np.uint8)
        with self._file.reading():
            for run in runs(places):
                stream = self._stream_at(int(places[run.start]), row)
                _fill(stream, found[run])
                self._next += run.stop - run.start
                if self._next == len(self) and stream.read(1):
                    raise LmctoolError(
                        f"'{self._file.path}' is damaged: it holds more than its header names;"
                        " copy it again"
                    )
        return found.view(self.dtype).reshape(len(places), *self.shape[1:])

    def _stream_at(self, place: int, row: int) -> IO[bytes]:
        """Return the stream, unpacked up to an example."""
        if self._stream is None or place < self._next:
            if self._stream is not None:
                self._stream.close()
            self._stream, self._next = self._unpack(), 0
            finalize(self, self._stream.close)
        left = (place - self._next) * row
        while left:
            skipped = np.empty(min(left, SKIPPED), np.uint8)
            _fill(self._stream, skipped)
            left -= len(skipped)
        self._next = place
        return self._stream


def _fill(stream: IO[bytes], goal: NDArray[np.uint8]) -> None:
    left = goal.reshape(-1).data
    while left:
        part = stream.read(min(len(left), SKIPPED))
        if not part:
            raise EOFError("it ends within its examples")
        left[: len(part)] = part
        left = left[len(part) :]
