"""Examples that take work to read, kept in a temporary file that has no name and ends with us."""

from __future__ import annotations

import shutil
import tempfile
from math import prod
from typing import TYPE_CHECKING, Any
from weakref import finalize

from lmctool.data.stored.file_rows import read_rows
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SpilledRows:
    """Examples in a temporary file, written in order before they are read.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: no longer.
    """

    costly = False

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Make the file, empty as yet.

        Raises:
            LmctoolError: there is no place for it.
        """
        self.shape, self.dtype = shape, dtype
        self._row = prod(shape[1:]) * dtype.itemsize
        try:
            free = shutil.disk_usage(tempfile.gettempdir()).free
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        except OSError as cause:
            raise self._unwritable(str(cause.strerror or cause)) from cause
        finalize(self, self._file.close)
        if free < shape[0] * self._row:
            raise self._unwritable(f"only {free / 1e9:.1f} GB are free")

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.shape[0]

    def write(self, examples: NDArray[Any]) -> None:
        """Write the next examples, (example, ...) contiguous.

        Raises:
            LmctoolError: there is no room for them.
        """
        left = examples.reshape(-1).view("u1").data
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as cause:
            raise self._unwritable(str(cause.strerror or cause)) from cause

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the examples at rising places."""
        found = read_rows(self._file, 0, places, self._row)
        return found.view(self.dtype).reshape(len(places), *self.shape[1:])

    def _unwritable(self, reason: str) -> LmctoolError:
        return LmctoolError(
            f"the {self.shape[0]} examples take {self.shape[0] * self._row / 1e9:.1f} GB once they"
            f" are decoded, and cannot be kept in '{tempfile.gettempdir()}' ({reason}); set $TMPDIR"
            " to a folder with room, or pass --limit"
        )
