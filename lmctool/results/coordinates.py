"""Coordinates: the names of the positions along a dim of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.results.result import Result, Variable


NUMBERS = "biuf"
POSITION = "_position"


def lineage(path: str) -> Iterator[str]:
    """Yield a group's path, then the path of each parent, nearest first.

    >>> list(lineage("barrier/curve"))
    ['barrier/curve', 'barrier']
    """
    while path:
        yield path
        path = path.rpartition("/")[0]


def coordinate(result: Result, path: str, dim: str) -> Variable | None:
    """Return the coordinate of a dim, from the group at ``path`` or its nearest parent."""
    return _along(result, path, dim, dim)


def positions(result: Result, path: str, dim: str) -> Variable | None:
    """Return the numeric positions along a dim, if it has any.

    They are its coordinate, or beside a coordinate of names a variable ``DIM_position``.
    """
    for name in (dim, dim + POSITION):
        variable = _along(result, path, name, dim)
        if variable is not None and variable.values.dtype.kind in NUMBERS:
            return variable
    return None


def _along(result: Result, path: str, name: str, dim: str) -> Variable | None:
    for place in lineage(path):
        group = result.groups.get(place)
        variable = group.variables.get(name) if group else None
        if variable is not None and variable.dims == (dim,):
            return variable
    return None


def labels(result: Result, path: str, dim: str, length: int) -> list[str]:
    """Return the name of each position along a dim: its coordinate, or else its index."""
    names = coordinate(result, path, dim)
    if names is None or len(names.values) != length:
        return [str(index) for index in range(length)]
    return [label(value) for value in names.values]


def label(value: object) -> str:
    """Return a coordinate value as text; a number is as short as it can be and still exact.

    >>> label(np.float32(0.1)), label(np.float64(1)), label("test")
    ('0.1', '1', 'test')
    """
    text = str(value)
    return text.removesuffix(".0") if isinstance(value, float | np.floating) else text
