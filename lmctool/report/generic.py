"""The table and the figure of any result, for analyses that bring none of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.report import curve
from lmctool.report.bars import row_bars
from lmctool.report.curve_panels import (
    VARIANT,
    curve_panels,
    differing,
    legend_of_figure,
    room_of_legend,
    shares_of,
)
from lmctool.report.look import looks
from lmctool.report.notation import Notation
from lmctool.report.panels import text_width
from lmctool.report.scales import percent_axis
from lmctool.report.shortened import all_shortened
from lmctool.report.style import COLOURS
from lmctool.results.metrics import elements
from lmctool.results.table import Table
from lmctool.results.text import all_digits, titled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.report.curve import Curve
    from lmctool.report.curve_panels import CurvePanel, NamedLine
    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result, Variable

WIDTH, HEIGHT = 5.2, 3.9
"""The size of one axes, in inches."""
BAR = 0.28
"""The height of one bar, in inches."""
TALLEST = 100
MOST_NAMES = 350
"""Names beside the bars of one axes, as many as the tallest has room for."""
LONGEST = 36
"""Letters of a name beside a bar."""


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
    """Draw every curve of a result, or its metrics as bars where it has none.

    There is a panel for each curve, with a line for each variant and what else there is.

    Raises:
        LmctoolError: the result has neither.
    """
    shares = shares_of(result)
    if curves := curve.find(result):
        _draw_curves(curves, figure, shares)
    else:
        _draw_bars(result, figure, shares)


def grid(figure: Figure, count: int, height: float = HEIGHT, width: float = WIDTH) -> list[Axes]:
    """Return axes beside and below each other, two in a row, of a size in inches."""
    columns = min(count, 2)
    rows = -(-count // columns)
    figure.set_size_inches(width * columns, height * rows)
    axes: list[Any] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        figure.delaxes(spare)
    return axes[:count]


def curve_grid(figure: Figure, panels: Sequence[CurvePanel], names: Sequence[str]) -> list[Axes]:
    """Return axes for the panels of curves, with room for a legend of some names below all."""
    columns = min(len(panels), 2)
    below = room_of_legend(names, WIDTH * columns) / -(-len(panels) // columns)
    return grid(figure, len(panels), HEIGHT + below)


def _draw_curves(curves: list[Curve], figure: Figure, shares: Iterable[str]) -> None:
    panels = curve_panels(curves, apart=False)
    names = [each.name for panel in panels for each in panel.lines]
    for axes, panel in zip(curve_grid(figure, panels, names), panels, strict=True):
        for each in panel.lines:
            draw_line(axes, panel.curve, each)
        panel.label(axes, shares)
    legend_of_figure(figure)


def draw_line(axes: Axes, own: Curve, each: NamedLine) -> None:
    """Draw a line of a curve, with its bounds as a band."""
    axes.plot(own.positions, each.line.values, label=each.name, **each.style)
    if each.line.bounds is not None:
        colour = each.style["color"]
        axes.fill_between(own.positions, *each.line.bounds, color=colour, alpha=0.2, linewidth=0)


def _draw_bars(result: Result, figure: Figure, shares: Iterable[str]) -> None:
    metrics = [
        (name, variable, list(elements(result, path, variable)))
        for path, group in result.groups.items()
        for name, variable in group.variables.items()
        if variable.metric and variable.values.size
    ]
    bars = [(name, variable, items) for name, variable, items in metrics if items]
    if not bars:
        raise LmctoolError(f"result of {result.analysis!r} has neither curves nor metrics to draw")
    names = [_bar_names(items) for _, _, items in bars]
    most = max(map(len, names))
    width = WIDTH + max(0.0, max(text_width(name, "medium") for own in names for name in own) - 1)
    places = grid(figure, len(bars), min(1 + BAR * most, TALLEST), width)
    for axes, (name, variable, items), own in zip(places, bars, names, strict=True):
        _draw_metric(axes, variable, items, own)
        if name in shares:
            percent_axis(axes.xaxis)


def _bar_names(items: Sequence[Metric]) -> list[str]:
    return all_shortened(differing([item.where for item in items]), LONGEST)


def _draw_metric(axes: Axes, variable: Variable, items: list[Metric], names: list[str]) -> None:
    heights = [np.nan if item.value is None else item.value for item in items]
    variants = [item.where.get(VARIANT, "") for item in items]
    known = [look.colour for look in looks(variants)] if all(variants) else COLOURS[0]
    row_bars(axes, np.arange(len(items)), np.array(heights), 0.8, color=known)
    shown = range(0, len(items), -(-len(items) // MOST_NAMES))
    axes.set_yticks(shown, [names[row] for row in shown])
    axes.invert_yaxis()
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(titled(variable.long_name or variable.metric, variable.unit))
