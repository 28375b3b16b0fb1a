"""The numbers of a result as tables: each curve by itself, all else by the dims it lies over."""

from __future__ import annotations

from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING

from lmctool.report import curve
from lmctool.report.notation import Notation
from lmctool.results.coordinates import NUMBERS, POSITION, coordinate, labels
from lmctool.results.table import Table
from lmctool.results.text import cell, titled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from lmctool.report.curve import Curve
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.result import Group, Result, Variable

PROVENANCE = "provenance"
MOST_CELLS = 20_000
"""Cells of one table; further rows are in the result file alone."""


def tables(result: Result) -> list[Table]:
    """Return the numbers of a result, but for its provenance.

    Every metric and every curve is in them, and every other array of which all dims, or all but
    one, have a coordinate: neither the places of a permutation nor the pixels of an image.
    """
    curves, known = curve.find(result), Notation.of(result)
    shown: list[Table] = []
    for path, group in result.groups.items():
        if path.partition("/")[0] != PROVENANCE:
            own = [each for each in curves if each.path == path]
            shown += [_curve_table(each, known.curve(result, each).text) for each in own]
            shown += [_table(result, path, each, known) for each in _by_dims(result, path, group)]
    return [table for table in shown if table.rows]


def _curve_table(each: Curve, text: Callable[[float], str]) -> Table:
    """Return a row for each position and a column for each line, or else the other way round."""
    names, lines = zip(*_lines(each), strict=True)
    title = f"{each.path}: {titled(each.title, each.unit)}"
    title += f", {each.constants}" if each.constants else ""
    columns = [tuple(map(text, line)) for line in lines]
    if len(names) <= len(each.places):
        head = titled(each.names.long_name or each.dim, each.names.unit)
        rows = zip(each.places, *columns, strict=True)
        return _cut(title, (head, *names), rows, len(each.places))
    named = each.names.values.dtype.kind not in NUMBERS
    places = (place if named else f"{each.dim} {place}" for place in each.places)
    turned = zip(names, *zip(*columns, strict=True), strict=True)
    return _cut(title, (each.line_dims, *places), turned, len(names))


def _lines(each: Curve) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the name and the values of each line and, after it, of its bounds."""
    for name, line in zip(each.line_names, each.lines, strict=True):
        yield name or "value", line.values
        for side, bound in zip(("lower", "upper"), line.bounds or (), strict=False):
            yield f"{name}, {side} bound".removeprefix(", "), bound


def _by_dims(result: Result, path: str, group: Group) -> list[Mapping[str, Variable]]:
    """Return the variables that are no curves, those over the same dims together.

    Texts stand beside numbers alone.
    """
    by_dims: dict[tuple[str, ...], dict[str, Variable]] = {}
    for name, variable in group.variables.items():
        is_coordinate = name.removesuffix(POSITION) in variable.dims
        if is_coordinate or curve.axis(result, path, name, variable) is not None:
            continue
        nameless = [dim for dim in variable.dims if coordinate(result, path, dim) is None]
        if variable.metric or not nameless or len(nameless) == 1 < len(variable.dims):
            by_dims.setdefault(variable.dims, {})[name] = variable
    return [
        together
        for together in by_dims.values()
        if any(each.values.dtype.kind in NUMBERS for each in together.values())
    ]


def _table(result: Result, path: str, variables: Mapping[str, Variable], known: Notation) -> Table:
    """Return a row for each place in the dims; where there is one, a row for each variable."""
    first = next(iter(variables.values()))
    dims, shape = first.dims, first.values.shape
    names = [labels(result, path, dim, size) for dim, size in zip(dims, shape, strict=True)]
    differing = [axis for axis, size in enumerate(shape) if size != 1]
    constant = [f"{dim} {own[0]}" for dim, own in zip(dims, names, strict=True) if len(own) == 1]
    title = f"{path}: {', '.join(constant)}" if constant else path
    heads = tuple(titled(each.long_name or name, each.unit) for name, each in variables.items())
    flat = [_cells(each, known.array(name, each)) for name, each in variables.items()]
    if not differing:
        values = (each[0] for each in flat)
        return Table(title, ("", "value"), tuple(zip(heads, values, strict=True)))
    columns = (*(dims[axis] for axis in differing), *heads)
    rows = (
        (*(place[axis] for axis in differing), *(each[row] for each in flat))
        for row, place in enumerate(product(*names))
    )
    return _cut(title, columns, rows, prod(shape), len(differing))


def _cells(variable: Variable, known: DeclaredMetric) -> list[str]:
    """Return the elements of an array as texts."""
    return list(map(known.text if known.in_percent else cell, variable.values.flat))


def _cut(
    title: str,
    columns: tuple[str, ...],
    rows: Iterator[tuple[str, ...]],
    count: int,
    keys: int = 1,
) -> Table:
    """Return a table with as many rows as it may have."""
    most = max(MOST_CELLS // len(columns), 1)
    notes = (f"{count - most} more rows are in the result file",) if count > most else ()
    return Table(title, columns, tuple(islice(rows, most)), notes, keys)
