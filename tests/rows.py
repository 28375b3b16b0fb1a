"""Examples that are read in pieces, with a note of what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NotedRows:
    """An array that is read in pieces.

    Attributes:
        asked: the places of each piece that was read.
    """

    def __init__(self, array: NDArray[Any], *, costly: bool = False) -> None:
        self.array, self.costly = array, costly
        self.shape, self.dtype = array.shape, array.dtype
        self.asked: list[list[int]] = []

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.array)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return examples, and note which."""
        self.asked.append(places.tolist())
        found: NDArray[Any] = self.array[places]
        return found


def whole(rows: Any) -> NDArray[Any]:
    """Return all examples of what is read in pieces, or is an array."""
    found: NDArray[Any] = rows[np.arange(len(rows))]
    return found
