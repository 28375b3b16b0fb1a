"""The numbers of a result as tables: each curve by itself, all else by the dims it lies over."""

from __future__ import annotations

from functools import partial
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, did_you_mean
from lmctool.report import curve
from lmctool.report.notation import Notation
from lmctool.results.alignments import ALIGNMENT
from lmctool.results.coordinates import NUMBERS, POSITION, coordinate, labels
from lmctool.results.table import Table
from lmctool.results.text import all_digits, cell, titled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from lmctool.report.curve import Curve
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.result import Group, Result, Variable

    Make = Callable[[Notation, bool], Table]

PROVENANCE = "provenance"
MOST_CELLS = 20_000
"""Cells of one table; further rows are in the result file alone."""


def tables(result: Result) -> list[Table]:
    """Return the numbers of a result, but for its provenance.

    Every metric and every curve is in them, and every other array of which all dims, or all but
    one, have a coordinate that is not of alignments alone: neither the places of a permutation nor
    the pixels of an image.
    """
    known = Notation.of(result)
    return [make(known, False) for _, make in _named(result)]


def names(result: Result) -> list[str]:
    """Return the name of each of these tables."""
    return [name for name, _ in _named(result)]


def named(result: Result, name: str) -> tuple[Table, Table]:
    """Return one of these tables by name, and the whole of it with all digits.

    Args:
        result: the result.
        name: ``barrier/curve/error`` for a curve, ``barrier/summary`` for the other arrays of a
            group, with ``[DIM,...]`` where these lie over several dims; or the end of that, if it
            is the end of one name alone.

    Raises:
        LmctoolError: there is no such table; it tells all names.
    """
    tables = dict(_named(result))
    meant = [key for key in tables if key == name] or [
        key for key in tables if f"/{key}".endswith(f"/{name}")
    ]
    if len(meant) != 1:
        near = did_you_mean(name, [*tables])
        there = ", ".join(tables) or "none"
        raise LmctoolError(f"no table of the result is called {name!r}; {near}there are: {there}")
    make, known = tables[meant[0]], Notation.of(result)
    return make(known, False), make(known, True)


def _named(result: Result) -> Iterator[tuple[str, Make]]:
    """Yield the name of each table, and what makes it."""
    curves = curve.find(result)
    for path, group in result.groups.items():
        if path.partition("/")[0] == PROVENANCE:
            continue
        for each in curves:
            if each.path == path:
                yield f"{path}/{each.name}", partial(_curve_table, result, each)
        arrays = _by_dims(result, path, group)
        for variables in arrays:
            first = next(iter(variables.values()))
            if first.values.size:
                name = path if len(arrays) == 1 else f"{path}[{','.join(first.dims)}]"
                yield name, partial(_table, result, path, variables)


def _curve_table(result: Result, each: Curve, known: Notation, whole: bool) -> Table:
    """Return a row for each position and a column for each line, or else the other way round."""
    names, lines = zip(*_lines(each), strict=True)
    title = f"{each.path}: {titled(each.title, each.unit)}"
    title += f", {each.constants}" if each.constants else ""
    text = all_digits if whole else known.curve(result, each).text
    columns = [tuple(map(text, line)) for line in lines]
    places = [(all_digits if whole else cell)(place) for place in each.names.values]
    if len(names) <= len(places):
        head = titled(each.names.long_name or each.dim, each.names.unit)
        rows = zip(places, *columns, strict=True)
        return _cut(title, (head, *names), rows, len(places), whole)
    is_named = each.names.values.dtype.kind not in NUMBERS
    heads = (place if is_named else f"{each.dim} {place}" for place in places)
    turned = zip(names, *zip(*columns, strict=True), strict=True)
    return _cut(title, (each.line_dims, *heads), turned, len(names), whole)


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
        named = [dim for dim in variable.dims if dim not in {*nameless, ALIGNMENT}]
        if variable.metric or not nameless or (named and len(nameless) == 1):
            by_dims.setdefault(variable.dims, {})[name] = variable
    return [
        together
        for together in by_dims.values()
        if any(each.values.dtype.kind in NUMBERS for each in together.values())
    ]


def _table(
    result: Result, path: str, variables: Mapping[str, Variable], known: Notation, whole: bool
) -> Table:
    """Return a row for each place in the dims; where there is one, a row for each variable."""
    first = next(iter(variables.values()))
    dims, shape = first.dims, first.values.shape
    names = [labels(result, path, dim, size) for dim, size in zip(dims, shape, strict=True)]
    differing = [axis for axis, size in enumerate(shape) if size != 1]
    constant = [f"{dim} {own[0]}" for dim, own in zip(dims, names, strict=True) if len(own) == 1]
    title = f"{path}: {', '.join(constant)}" if constant else path
    heads = tuple(titled(each.long_name or name, each.unit) for name, each in variables.items())
    flat = [_cells(each, known.array(name, each), whole) for name, each in variables.items()]
    if not differing:
        values = (each[0] for each in flat)
        return Table(title, ("", "value"), tuple(zip(heads, values, strict=True)))
    columns = (*(dims[axis] for axis in differing), *heads)
    rows = (
        (*(place[axis] for axis in differing), *(each[row] for each in flat))
        for row, place in enumerate(product(*names))
    )
    return _cut(title, columns, rows, prod(shape), whole, len(differing))


def _cells(variable: Variable, known: DeclaredMetric, whole: bool) -> list[str]:
    """Return the elements of an array as texts."""
    text = all_digits if whole else known.text if known.in_percent else cell
    return list(map(text, variable.values.flat))


def _cut(
    title: str,
    columns: tuple[str, ...],
    rows: Iterator[tuple[str, ...]],
    count: int,
    whole: bool,
    keys: int = 1,
) -> Table:
    """Return a table with as many rows as it may have."""
    most = count if whole else max(MOST_CELLS // len(columns), 1)
    notes = (f"{count - most} more rows are in the result file",) if count > most else ()
    return Table(title, columns, tuple(islice(rows, most)), notes, keys)
