"""Examples that somebody's code gives, as the rows of an array and as images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.given.items import PIECE
from lmctool.data.rows import examples_at
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray
    from PIL.Image import Image

    from lmctool.data.given.items import Items
    from lmctool.plugin.data_records import Rows


class ItemRows:
    """The inputs of a split, read when they are asked for.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: always, as somebody's code makes them.
    """

    costly = True

    def __init__(self, items: Items) -> None:
        """Take examples whose number is known and whose inputs are arrays."""
        first: Any = items.first.input
        self.shape: tuple[int, ...] = (items.count or 0, *first.shape)
        self.dtype: np.dtype[Any] = first.dtype
        self._items = items

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.shape[0]

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the inputs at rising places."""
        rows = np.empty((len(places), *self.shape[1:]), self.dtype)
        for begin in range(0, len(places), PIECE):
            piece = [int(place) for place in places[begin : begin + PIECE]]
            for row, item in enumerate(self._items.read(piece), begin):
                rows[row] = item.input
        return rows


class GivenRows:
    """What somebody's code reads in pieces itself.

    Attributes:
        shape: (example, ...).
        dtype: of their values.
        costly: as it says.
    """

    def __init__(
        self, rows: Rows, what: str, running: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Take what reads them, what to call it in an error, and the context it is run in."""
        self.shape, self.dtype, self.costly = tuple(rows.shape), np.dtype(rows.dtype), rows.costly
        self._rows, self._what, self._running = rows, what, running

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.shape[0]

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the examples at rising places.

        Raises:
            LmctoolError: its code fails, or returns others than it says.
        """
        with self._running():
            try:
                return examples_at(self._rows, places, self._what)
            except LmctoolError:
                raise
            except Exception as cause:  # somebody's code
                reason = f"{type(cause).__name__}: {cause}"
                raise LmctoolError(f"{self._what} failed: {reason}") from cause


class ItemImages:
    """The images of a split, or their masks, read when they are asked for."""

    def __init__(self, items: Items, *, masks: bool = False) -> None:
        """Take examples whose number is known, and which of their parts is meant."""
        self._items = items
        self._masks = masks

    def __len__(self) -> int:
        """Return the number of images."""
        return self._items.count or 0

    def __getitem__(self, place: int) -> Image:
        """Return one image."""
        (item,) = self._items.read([place])
        image: Any = item.target if self._masks else item.input
        return image  # type: ignore[no-any-return]
