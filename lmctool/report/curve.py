"""The curves of a result: values along a dim with a numeric coordinate, such as alpha."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.results.coordinates import NUMBERS, POSITION, labels, positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lmctool.results.result import Result, Variable

FEWEST_POINTS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a curve.

    Attributes:
        labels: the coordinate of each dim but the axis, such as ``("align", "test")``.
        values: (point,) float64.
    """

    labels: tuple[str, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """One variable along its numeric axis.

    Attributes:
        title: the long name of the variable, or its name.
        unit: the unit of its values.
        dims: its dims but the axis, in order.
        dim: the name of the axis.
        axis: the coordinate of the axis.
        positions: (point,) float64, where on the axis.
        lines: one for every combination of the other dims.
    """

    title: str
    unit: str
    dims: tuple[str, ...]
    dim: str
    axis: Variable
    positions: NDArray[np.float64]
    lines: tuple[Line, ...]


def find(result: Result) -> list[Curve]:
    """Return every curve of a result of three points or more, in the order of the result."""
    return [
        _curve(result, path, name, variable, dim)
        for path, group in result.groups.items()
        for name, variable in group.variables.items()
        if (dim := _axis(result, path, name, variable)) is not None
    ]


def _axis(result: Result, path: str, name: str, variable: Variable) -> str | None:
    """Return the last dim of a variable that has a numeric coordinate, if it is a curve."""
    own = name.removesuffix(POSITION) in variable.dims
    if own or variable.values.dtype.kind not in NUMBERS:
        return None
    for dim, length in zip(reversed(variable.dims), reversed(variable.values.shape), strict=True):
        found = positions(result, path, dim)
        if found is not None:
            return dim if length == len(found.values) >= FEWEST_POINTS else None
    return None


def _curve(result: Result, path: str, name: str, variable: Variable, dim: str) -> Curve:
    axis = positions(result, path, dim)
    assert axis is not None
    return Curve(
        title=variable.long_name or name,
        unit=variable.unit,
        dims=tuple(other for other in variable.dims if other != dim),
        dim=dim,
        axis=axis,
        positions=np.asarray(axis.values, dtype=np.float64),
        lines=tuple(_lines(result, path, variable, dim)),
    )


def _lines(result: Result, path: str, variable: Variable, dim: str) -> Iterator[Line]:
    values: NDArray[Any] = np.moveaxis(variable.values, variable.dims.index(dim), -1)
    others = [other for other in variable.dims if other != dim]
    names = [
        labels(result, path, other, length)
        for other, length in zip(others, values.shape[:-1], strict=True)
    ]
    rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
    for position, row in zip(product(*names), rows, strict=True):
        yield Line(position, row)
