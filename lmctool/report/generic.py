"""The table and the figure of any result, for analyses that bring none of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.report import curve
from lmctool.report.notation import Notation
from lmctool.results.metrics import elements
from lmctool.results.table import Table
from lmctool.results.text import all_digits, titled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.report.curve import Curve, Line
    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result, Variable

WIDTH, HEIGHT = 5.2, 3.9
"""The size of one axes, in inches."""
BAR = 0.28
"""The height of one bar, in inches."""
TALLEST = 100
LEGEND_ROW, LEGEND_COLUMNS = 0.25, 4


def metrics_table(result: Result, *, exact: bool = False) -> Table:
    """Return every metric of a result with its value and unit.

    Args:
        result: the result.
        exact: whether numbers have all their digits, for programs.
    """
    known = Notation.of(result)
    rows = [
        (
            metric.full_name,
            all_digits(metric.value) if exact else known.metric(metric.name).text(metric.value),
            "" if metric.unit == "1" else metric.unit,
        )
        for path, group in result.groups.items()
        for variable in group.variables.values()
        for metric in elements(result, path, variable)
    ]
    notes = () if rows else ("this result has no metrics",)
    return Table(result.analysis, ("metric", "value", "unit"), tuple(rows), notes)


def draw_curves(result: Result, figure: Figure) -> None:
    """Draw every curve of a result, one axes each; a result without curves as bars of its metrics.

    Raises:
        LmctoolError: the result has neither.
    """
    if curves := curve.find(result):
        _draw_curves(curves, figure)
    else:
        _draw_bars(result, figure)


def grid(figure: Figure, count: int, height: float = HEIGHT) -> list[Axes]:
    """Return axes beside and below each other, two in a row, each ``height`` inches high."""
    columns = min(count, 2)
    rows = -(-count // columns)
    figure.set_size_inches(WIDTH * columns, height * rows)
    axes: list[Any] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        figure.delaxes(spare)
    return axes[:count]


def _draw_curves(curves: list[Curve], figure: Figure) -> None:
    names = [[line_name(line) for line in each.lines] for each in curves]
    shared = len(curves) > 1 and all(some == names[0] for some in names)
    longest = max(map(len, names))
    rows = -(-longest // LEGEND_COLUMNS) if longest > 1 else 0
    places = grid(figure, len(curves), HEIGHT + LEGEND_ROW * rows)
    for axes, each in zip(places, curves, strict=True):
        for line in each.lines:
            (drawn,) = axes.plot(each.positions, line.values, label=line_name(line))
            if line.bounds is not None:
                colour: Any = drawn.get_color()
                axes.fill_between(
                    each.positions, *line.bounds, color=colour, alpha=0.2, linewidth=0
                )
        axes.set_xlabel(titled(each.axis.long_name or each.dim, each.axis.unit))
        axes.set_ylabel(titled(each.title, each.unit))
        if longest > 1 and not shared:
            axes.legend(title=", ".join(each.dims))
    if longest > 1 and shared:
        handles, words = figure.axes[0].get_legend_handles_labels()
        columns = min(longest, LEGEND_COLUMNS)
        figure.legend(handles, words, loc="outside lower center", ncols=columns)


def line_name(line: Line) -> str:
    """Return the name of a line of a curve in a legend."""
    # Matplotlib leaves labels that begin with an underscore out of the legend.
    return ", ".join(line.labels).lstrip("_")


def _draw_bars(result: Result, figure: Figure) -> None:
    metrics = [
        (variable, list(elements(result, path, variable)))
        for path, group in result.groups.items()
        for variable in group.variables.values()
        if variable.metric and variable.values.size
    ]
    bars = [(variable, items) for variable, items in metrics if items]
    if not bars:
        raise LmctoolError(f"result of {result.analysis!r} has neither curves nor metrics to draw")
    most = max(len(items) for _, items in bars)
    places = grid(figure, len(bars), min(1 + BAR * most, TALLEST))
    for axes, (variable, items) in zip(places, bars, strict=True):
        _draw_metric(axes, variable, items)


def _draw_metric(axes: Axes, variable: Variable, items: list[Metric]) -> None:
    heights = [np.nan if item.value is None else item.value for item in items]
    names = differing([item.where for item in items])
    axes.barh(range(len(items)), heights, tick_label=names)
    axes.invert_yaxis()
    axes.set_xlabel(titled(variable.long_name or variable.metric, variable.unit))


def differing(places: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the coordinates of each place, only those that differ from place to place, if any."""
    differing = [dim for dim in places[0] if len({place[dim] for place in places}) > 1]
    return [", ".join(place[dim] for dim in differing or place) or " " for place in places]
