"""Examples that are read in pieces: made of others, and read with a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Rows

    Places = NDArray[np.int64]


class MappedRows:
    """What a function makes of the examples of an array, each by itself, as they are read.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: as that of what is read.
    """

    def __init__(
        self,
        rows: Rows | NDArray[Any],
        function: Callable[[NDArray[Any]], NDArray[Any]],
    ) -> None:
        """Take what is read and what is made of it.

        Args:
            rows: (example, ...).
            function: takes some of them, at least none, and returns as many, (example, ...); what
                it makes of none tells shape and dtype.
        """
        nothing = function(np.empty((0, *rows.shape[1:]), rows.dtype))
        self.shape, self.dtype = (rows.shape[0], *nothing.shape[1:]), nothing.dtype
        self.costly: bool = getattr(rows, "costly", False)
        self._rows, self._function = rows, function

    def __len__(self) -> int:
        """Return the number of examples."""
        return int(self.shape[0])

    def __getitem__(self, places: Places) -> NDArray[Any]:
        """Return the examples at rising places."""
        return self._function(self._rows[places])


class JoinedRows:
    """Several arrays of examples of one shape, one after the other.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: whether one of them is.
    """

    def __init__(self, parts: Sequence[Rows | NDArray[Any]]) -> None:
        """Take them, one at least."""
        self._starts = np.cumsum([0, *map(len, parts)])
        self.shape = (int(self._starts[-1]), *parts[0].shape[1:])
        self.dtype = parts[0].dtype
        self.costly = any(getattr(part, "costly", False) for part in parts)
        self._parts = parts

    def __len__(self) -> int:
        """Return the number of examples."""
        return int(self.shape[0])

    def __getitem__(self, places: Places) -> NDArray[Any]:
        """Return the examples at rising places."""
        cuts = np.searchsorted(places, self._starts)
        bounds = zip(cuts, cuts[1:], self._parts, self._starts, strict=False)
        found = [part[places[a:b] - start] for a, b, part, start in bounds if a < b]
        return np.concatenate(found) if len(found) > 1 else found[0]


def examples_at(rows: Rows | NDArray[Any], places: Places, what: str) -> NDArray[Any]:
    """Return examples as they are read, contiguous, writable and in native byte order.

    Args:
        rows: (example, ...).
        places: which, rising.
        what: what to call them in an error.

    Raises:
        LmctoolError: what was read has another shape or dtype than was said.
    """
    found = rows[places]
    due = (len(places), *rows.shape[1:])
    if found.shape != due or found.dtype != rows.dtype:
        raise LmctoolError(
            f"{what} gave {found.dtype} of shape {found.shape} where it has {rows.dtype} of shape"
            f" {due}"
        )
    return np.require(found, native(rows.dtype), ["C", "W"])


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype in the byte order of this machine."""
    return dtype.newbyteorder("=")
