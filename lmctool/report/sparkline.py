"""Sparklines: a curve as one row of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.report import curve
from lmctool.report.notation import Notation
from lmctool.results.table import Table
from lmctool.results.text import number, titled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lmctool.report.curve import Curve, Line
    from lmctool.results.result import Result

BLOCKS = "▁▂▃▄▅▆▇█"
MISSING = "?"
MOST_CELLS = 40
MOST_LINES = 100
"""Lines of one curve that are shown."""


def curves(result: Result) -> list[Table]:
    """Return one table for every curve of a result, each of its lines a sparkline.

    The lines of one table are drawn to one scale, so that they can be compared.
    """
    known = Notation.of(result)
    return [_curve_table(each, known.curve(result, each).brief) for each in curve.find(result)]


def sparkline(values: NDArray[np.float64], low: float, high: float) -> str:
    """Return one block for each value, its height between ``low`` and ``high``.

    Args:
        values: (point,) in the unit of ``low`` and ``high``; more than 40 points are taken
            together, the highest of each stretch standing for it; NaN and infinities are ``?``.
        low: the value of the lowest block.
        high: the value of the highest block.
    """
    stretches = np.array_split(values, min(len(values), MOST_CELLS))
    return "".join(_block(stretch, low, high) for stretch in stretches)


def _block(stretch: NDArray[np.float64], low: float, high: float) -> str:
    if not np.isfinite(stretch).all():
        return MISSING
    share = (float(stretch.max()) - low) / (high - low) if high > low else 0.0
    return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]


def _curve_table(each: Curve, text: Callable[[float], str]) -> Table:
    values = np.concatenate([line.values for line in each.lines] or [np.empty(0)])
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    rows = tuple(_curve_row(line, low, high, text) for line in each.lines[:MOST_LINES])
    first, last = number(each.positions[0]), number(each.positions[-1])
    head = f"{each.dim} {first} to {last}"
    title = titled(each.title, each.unit)
    more = len(each.lines) - len(rows)
    where = f"{more} more lines: lmctool show RESULT --table {each.path}/{each.name}"
    columns = (*each.dims, head, "min", "max")
    return Table(title, columns, rows, (where,) * (more > 0), keys=max(len(each.dims), 1))


def _curve_row(
    line: Line, low: float, high: float, text: Callable[[float], str]
) -> tuple[str, ...]:
    finite = line.values[np.isfinite(line.values)]
    ends = (text(finite.min()), text(finite.max())) if finite.size else ("-", "-")
    return (*line.labels, sparkline(line.values, low, high), *ends)
