"""The numbers that a figure of several results shows, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.report.several.series import FILE, METRIC, SPLIT, VARIANT
from lmctool.results.table import Table
from lmctool.results.text import titled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmctool.report.several.series import Series

FIRST = (FILE, VARIANT, SPLIT)
TITLE = "Numbers of the figure"


def series_table(series: Sequence[Series], write: Callable[[Any], str]) -> Table:
    """Return a row for each number that is drawn, behind all that it is of.

    Args:
        series: lines or bars.
        write: writes a number.
    """
    there = dict.fromkeys(dim for each in series for dim in each.where)
    dims = [*(dim for dim in FIRST if dim in there), *(dim for dim in there if dim not in FIRST)]
    places = list(dict.fromkeys(each.quantity.dim for each in series if each.quantity.dim))
    banded = any(each.bounds is not None for each in series)
    bounds = ("lower bound", "upper bound") if banded else ()
    columns = (*dims, METRIC, *places, "value", *bounds)
    rows = tuple(row for each in series for row in _rows(each, dims, places, banded, write))
    return Table(TITLE, columns, rows, keys=len(dims) + 1)


def _rows(
    each: Series,
    dims: Sequence[str],
    places: Sequence[str],
    banded: bool,
    write: Callable[[Any], str],
) -> Iterator[tuple[str, ...]]:
    quantity = each.quantity
    names = (*(each.where.get(dim, "") for dim in dims), titled(quantity.title, quantity.unit))
    for point, value in enumerate(each.values):
        at = (write(each.positions[point]) if dim == quantity.dim else "" for dim in places)
        sides = [write(side[point]) for side in each.bounds] if each.bounds else ["", ""]
        yield (*names, *at, write(value), *(sides if banded else ()))
