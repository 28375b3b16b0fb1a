"""The numbers that a figure of several results shows, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.report.curve_panels import SPLIT, VARIANT
from lmctool.report.several.series import FILE, METRIC
from lmctool.results.table import Table
from lmctool.results.text import all_digits, cell, titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.report.several.series import Series

FIRST = (FILE, VARIANT, SPLIT)
TITLE = "Numbers of the figure"


def series_table(series: Sequence[Series], *, exact: bool) -> Table:
    """Return a row for each number that is drawn, behind all that it is of.

    Args:
        series: lines or bars.
        exact: whether numbers have all their digits, for programs.
    """
    there = dict.fromkeys(dim for each in series for dim in each.where)
    dims = [*(dim for dim in FIRST if dim in there), *(dim for dim in there if dim not in FIRST)]
    places = list(dict.fromkeys(each.quantity.dim for each in series if each.quantity.dim))
    banded = any(each.bounds is not None for each in series)
    bounds = ("lower bound", "upper bound") if banded else ()
    columns = (*dims, METRIC, *places, "value", *bounds)
    rows = tuple(row for each in series for row in _rows(each, dims, places, banded, exact))
    return Table(TITLE, columns, rows, keys=len(dims) + 1)


def _rows(
    each: Series,
    dims: Sequence[str],
    places: Sequence[str],
    banded: bool,
    exact: bool,
) -> Iterator[tuple[str, ...]]:
    quantity = each.quantity
    place, write = (all_digits, all_digits) if exact else (cell, quantity.known.text)
    names = (*(each.where.get(dim, "") for dim in dims), titled(quantity.title, quantity.unit))
    for point, value in enumerate(each.values):
        at = (place(each.positions[point]) if dim == quantity.dim else "" for dim in places)
        sides = [write(side[point]) for side in each.bounds] if each.bounds else ["", ""]
        yield (*names, *at, write(value), *(sides if banded else ()))
