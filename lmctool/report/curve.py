"""The curves of a result: values along a dim with a numeric coordinate, such as alpha."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.results.coordinates import NUMBERS, POSITION, coordinate, labels, positions
from lmctool.results.text import cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from lmctool.results.result import Result, Variable

FEWEST_POINTS = 3
BOUND = re.compile(r"(?P<name>.+)_(?P<side>lower|upper)\d*")
Key = tuple[str, str]
"""The path of a group, and the name of a variable in it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a curve.

    Attributes:
        labels: the coordinate of each dim but the axis, such as ``("align", "test")``.
        values: (point,) float64.
        bounds: (point,) float64 each, the lower and the upper bound of the values; None where the
            result has no such interval.
    """

    labels: tuple[str, ...]
    values: NDArray[np.float64]
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One variable along its numeric axis.

    Attributes:
        path: the group of the variable.
        name: the variable.
        title: the long name of the variable, or its name.
        unit: the unit of its values.
        dims: its dims but the axis, in order.
        dim: the name of the axis.
        axis: the coordinate of the axis.
        positions: (point,) float64, where on the axis.
        names: the coordinate of the dim, which may be text, or else its positions.
        lines: one for every combination of the other dims.
    """

    path: str
    name: str
    title: str
    unit: str
    dims: tuple[str, ...]
    dim: str
    axis: Variable
    positions: NDArray[np.float64]
    names: Variable
    lines: tuple[Line, ...]

    @property
    def places(self) -> list[str]:
        """The name of each position, or its number where it has no name."""
        return [cell(name) for name in self.names.values]

    @property
    def line_names(self) -> list[str]:
        """The name of each line: its coordinates in the dims in which lines differ."""
        differing = self._differing
        return [", ".join(line.labels[axis] for axis in differing) for line in self.lines]

    @property
    def line_dims(self) -> str:
        """The dims in which lines differ."""
        return ", ".join(self.dims[axis] for axis in self._differing)

    @property
    def constants(self) -> str:
        """The dims in which no lines differ, each with the coordinate of all lines."""
        differing = self._differing
        same = [axis for axis in range(len(self.dims)) if axis not in differing]
        return ", ".join(f"{self.dims[axis]} {self.lines[0].labels[axis]}" for axis in same)

    @property
    def _differing(self) -> list[int]:
        columns = zip(*(line.labels for line in self.lines), strict=True)
        return [axis for axis, column in enumerate(columns) if len(set(column)) > 1]


def find(result: Result) -> list[Curve]:
    """Return every curve of a result of three points or more, in the order of the result.

    Variables ``NAME_lower95`` and ``NAME_upper95``, with any number, are no curves of their own but
    the bounds of ``NAME``, if that is a curve over the same dims in a group of the same analysis.
    """
    curves = {
        (path, name): _curve(result, path, name, variable, dim)
        for path, group in result.groups.items()
        for name, variable in group.variables.items()
        if (dim := axis(result, path, name, variable)) is not None and variable.values.size
    }
    bounds: dict[Key, dict[str, Key]] = {}
    for key in curves:
        match = BOUND.fullmatch(key[1])
        owner = match and next((k for k in curves if _bounds(curves, key, k, match["name"])), None)
        if match and owner:
            bounds.setdefault(owner, {})[match["side"]] = key
    pairs = {owner: sides for owner, sides in bounds.items() if len(sides) == 2}
    within = {key for sides in pairs.values() for key in sides.values()}
    return [
        _with_bounds(one, curves[pairs[key]["lower"]], curves[pairs[key]["upper"]])
        if key in pairs
        else one
        for key, one in curves.items()
        if key not in within
    ]


def _bounds(curves: Mapping[Key, Curve], key: Key, owner: Key, name: str) -> bool:
    """Return whether a curve lies over the same places as the one whose bound it is by its name."""
    one, other = curves[owner], curves[key]
    return (
        owner[1] == name
        and owner[0].partition("/")[0] == key[0].partition("/")[0]
        and (one.dims, one.dim) == (other.dims, other.dim)
        and np.array_equal(one.positions, other.positions)
        and [line.labels for line in one.lines] == [line.labels for line in other.lines]
    )


def _with_bounds(one: Curve, lower: Curve, upper: Curve) -> Curve:
    """Return a curve with its bounds."""
    lines = [
        replace(line, bounds=(low.values, high.values))
        for line, low, high in zip(one.lines, lower.lines, upper.lines, strict=True)
    ]
    return replace(one, lines=tuple(lines))


def axis(result: Result, path: str, name: str, variable: Variable) -> str | None:
    """Return the last dim of a variable that has a numeric coordinate, if it is a curve."""
    own = name.removesuffix(POSITION) in variable.dims
    if own or variable.values.dtype.kind not in NUMBERS:
        return None
    for dim, length in zip(reversed(variable.dims), reversed(variable.values.shape), strict=True):
        there = positions(result, path, dim)
        if there is not None:
            return dim if length == len(there.values) >= FEWEST_POINTS else None
    return None


def _curve(result: Result, path: str, name: str, variable: Variable, dim: str) -> Curve:
    along = positions(result, path, dim)
    assert along is not None
    names = coordinate(result, path, dim) or along
    return Curve(
        path=path,
        name=name,
        title=variable.long_name or name,
        unit=variable.unit,
        dims=tuple(other for other in variable.dims if other != dim),
        dim=dim,
        axis=along,
        positions=np.asarray(along.values, dtype=np.float64),
        names=names if len(names.values) == len(along.values) else along,
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
