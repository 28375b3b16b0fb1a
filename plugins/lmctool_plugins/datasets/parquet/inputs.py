"""The inputs that columns hold: images, arrays, or numbers side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.api.advanced import MappedRows, channel_first, one_layout
from lmctool_plugins.datasets.parquet.columns import ColumnImages, ColumnRows, stacked
from lmctool_plugins.datasets.parquet.features import is_image, is_scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool_plugins.datasets.parquet.table import Table


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a dataset.

    Attributes:
        loaders: what gives those of each split.
        scale: what they are multiplied by.
        told: what they were taken for, a sentence each.
    """

    loaders: Mapping[str, Callable[[], Any]]
    scale: float = 1.0
    told: tuple[str, ...] = ()


def inputs_of(by_split: Mapping[str, Table], names: tuple[str, ...], layout: object) -> Inputs:
    """Return the inputs that columns of every split hold.

    Args:
        by_split: the tables.
        names: one column, or several of numbers.
        layout: the order of the axes of arrays, or None to tell it by their shape.

    Raises:
        LmctoolError: a column is unusable, or has no such layout.
    """
    kind = next(iter(by_split.values())).types[names[0]]
    columns = {split: table.column(names[0]) for split, table in by_split.items()}
    if is_image(kind):
        return Inputs({split: partial(ColumnImages, each) for split, each in columns.items()})
    if is_scalar(kind):
        return Inputs({split: partial(stacked, each, names) for split, each in by_split.items()})
    rows = {split: ColumnRows(each) for split, each in columns.items()}
    shapes = {split: (each.shape, each.dtype.name) for split, each in rows.items()}
    order, told = one_layout(shapes, layout)
    moved = partial(channel_first, layout=order)
    loaders = {split: partial(MappedRows, each, moved) for split, each in rows.items()}
    has_bytes = any(each.dtype == "uint8" for each in rows.values())
    return Inputs(loaders, 1 / 255 if has_bytes else 1.0, told)
