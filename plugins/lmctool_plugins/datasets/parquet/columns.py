"""Columns as arrays, as images, and as masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import LmctoolError
from lmctool.api.advanced import decoded_image, mask_without
from lmctool_plugins.datasets.parquet.features import is_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from lmctool_plugins.datasets.parquet.table import Column, Table

KEPT = ("uint8", "float16", "float32", "float64")
"""Dtypes that inputs have; other numbers become float32."""


def array_of(values: Any, what: str) -> NDArray[Any]:
    """Return an array of Arrow as numpy's: (row, ...), lists as further axes.

    Args:
        values: numbers, truth values, texts, or lists of them.
        what: what to call them in an error.

    Raises:
        LmctoolError: lists differ in length, a value is missing, or they are of another kind.
    """
    from pyarrow import compute

    shape = [len(values)]
    while is_list(values.type):
        _refuse_missing(values, what)
        lengths = compute.unique(compute.list_value_length(values)).to_pylist()
        if len(lengths) > 1:
            listed = " and ".join(map(str, sorted(lengths)[:2]))
            raise LmctoolError(f"{what} has lists of different lengths, {listed}, and no one shape")
        shape += lengths or [0]
        values = values.flatten()
    _refuse_missing(values, what)
    array: NDArray[Any] = np.asarray(values.to_numpy(zero_copy_only=False))
    if array.dtype.kind == "O" and not all(isinstance(each, str) for each in array):
        raise LmctoolError(f"{what} holds {values.type}, which is neither numbers nor text")
    return array.reshape(shape)


def dense(column: Column) -> NDArray[Any]:
    """Return a whole column as an array; see ``array_of``."""
    parts = [array_of(values, column.what) for values in column.whole()]
    if len({part.shape[1:] for part in parts if len(part)}) > 1:
        raise LmctoolError(f"{column.what} has lists of different lengths, and no one shape")
    full = [part for part in parts if len(part)]
    return np.concatenate(full) if full else np.empty(0)


def stacked(table: Table, names: Sequence[str]) -> NDArray[Any]:
    """Return columns of numbers side by side, (row, column): float64 where one isn't narrower."""
    columns = [dense(table.column(name)) for name in names]
    narrow = all(column.dtype in (np.float32, np.float16, bool) for column in columns)
    return np.stack(columns, axis=1).astype(np.float32 if narrow else np.float64)


@dataclass
class ColumnRows:
    """A column of arrays that is read in pieces: ``Rows``.

    Attributes:
        column: the column.
        shape: (row, ...), by the first row.
        dtype: of what is read; whole numbers but bytes become float32.
        costly: a piece is unpacked for each of its rows that are asked for.
    """

    column: Column
    shape: tuple[int, ...] = field(init=False)
    dtype: np.dtype[Any] = field(init=False)
    costly: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        """Look at the first row."""
        if not len(self.column):
            raise LmctoolError(f"{self.column.what} is empty")
        first = array_of(next(self.column.at(np.array([0]))), self.column.what)
        if first.dtype.kind not in "iufb":
            raise LmctoolError(f"{self.column.what} holds text, which is no input")
        self.shape = (len(self.column), *first.shape[1:])
        self.dtype = first.dtype if first.dtype.name in KEPT else np.dtype(np.float32)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.column)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the rows at rising places.

        Raises:
            LmctoolError: they cannot be read, or are of another shape than the first.
        """
        what = self.column.what
        parts = [array_of(values, what) for values in self.column.at(places)]
        for part in parts:
            if part.shape[1:] != self.shape[1:]:
                shapes = f"{self.shape[1:]} and {part.shape[1:]}"
                raise LmctoolError(f"{what} has rows of different shapes, {shapes}")
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *parts]).astype(
            self.dtype
        )


@dataclass(frozen=True, slots=True)
class ColumnImages:
    """A column of encoded images: ``Images``, turned as their cameras noted."""

    column: Column

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.column)

    def __getitem__(self, place: int) -> Image:
        """Return one image, decoded.

        Raises:
            LmctoolError: it is damaged, missing, or a path to a file beside the table.
        """
        (values,) = self.column.at(np.array([place]))
        value = values[0].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        what = f"image {place} in {self.column.what}"
        if content is None:
            path = value.get("path") if isinstance(value, dict) else None
            raise LmctoolError(f"{what} is {f'only named, {path!r}' if path else 'missing'}")
        return decoded_image(content, what, upright=True)


@dataclass(frozen=True, slots=True)
class ColumnMasks:
    """A column of encoded masks, whose pixels are classes.

    Attributes:
        column: the column.
        ignored: the class that counts for nothing, which becomes -100; None for none.
    """

    column: Column
    ignored: int | None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.column)

    def __getitem__(self, place: int) -> Image:
        """Return one mask, decoded."""
        return mask_without(ColumnImages(self.column)[place], self.ignored)


def _refuse_missing(values: Any, what: str) -> None:
    if values.null_count:
        raise LmctoolError(f"{what} has {values.null_count} missing values")
