"""An average over results as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.report import curve
from lmctool.report.aggregate import MEAN, title
from lmctool.report.curve_panels import curve_panels, differing, legend_of_figure, shares_of
from lmctool.report.generic import BAR, HEIGHT, LONGEST, TALLEST, curve_grid, draw_line, grid
from lmctool.report.scales import percent_axis
from lmctool.report.shortened import all_shortened
from lmctool.report.style import COLOURS
from lmctool.results.aggregate.aggregate import DIMS
from lmctool.results.aggregate.eligible import AGGREGATE
from lmctool.results.metrics import elements
from lmctool.results.text import titled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.report.curve import Curve, Line
    from lmctool.report.curve_panels import CurvePanel
    from lmctool.results.result import Result

MOST_LINES = 10
"""Results of which each has a line of its own."""
BELOW = 0.2
"""How far the dots of results lie below their mean, of the distance between two means."""
MOST_PANELS = 12
"""Metrics that are drawn of results without curves; the table has all."""


def draw(result: Result, figure: Figure) -> None:
    """Draw the mean of every curve with its interval as a band, and each result as a thin line.

    There is a panel for each curve and split.  Without curves it is the means of the metrics with
    their intervals, and each result as a dot.

    Raises:
        LmctoolError: there is nothing to draw.
    """
    dim = DIMS[str(result.groups[AGGREGATE].attributes["over"])]
    curves = curve.find(result)
    each = {_mean_of(own): own for own in curves if own.dims[:1] == (dim,)}
    means = [own for own in curves if (own.path, own.title) in each]
    shares = shares_of(result)
    if not means:
        _draw_metrics(result, figure, shares)
    else:
        panels = curve_panels(means, apart=True)
        names = [line.name for panel in panels for line in panel.lines]
        for axes, panel in zip(curve_grid(figure, panels, names), panels, strict=True):
            _draw_panel(axes, panel, each[panel.curve.path, panel.curve.title])
            panel.label(axes, shares)
        legend_of_figure(figure)
    figure.suptitle(f"{title(result)}, with 95 % intervals")


def _mean_of(each: Curve) -> tuple[str, str]:
    """Return the group and the title of the mean of a curve."""
    return each.path, f"mean of the {each.title}"


def _draw_panel(axes: Axes, panel: CurvePanel, results: Curve) -> None:
    """Draw the lines of a mean on one split over those of the results."""
    few = len({line.labels[0] for line in results.lines}) <= MOST_LINES
    for mean in panel.lines:
        thin: Mapping[str, Any] = {"color": mean.style["color"], "linewidth": 0.7, "alpha": 0.45}
        for own in _of(results, mean.line) if few else ():
            axes.plot(results.positions, own.values, marker="", linestyle="-", **thin)
        draw_line(axes, panel.curve, mean)


def _of(results: Curve, mean: Line) -> list[Line]:
    """Return the lines of the results that a line is the mean of."""
    return [line for line in results.lines if line.labels[1:] == mean.labels]


def _draw_metrics(result: Result, figure: Figure, shares: Iterable[str]) -> None:
    means = [
        (path, name.removesuffix(MEAN), variable)
        for path, group in result.groups.items()
        for name, variable in group.variables.items()
        if variable.metric and name.endswith(MEAN) and variable.values.size
    ][:MOST_PANELS]
    if not means:
        raise LmctoolError("the average has neither curves nor metrics to draw")
    most = max(variable.values.size for _, _, variable in means)
    places = grid(figure, len(means), min(max(1 + BAR * most, HEIGHT / 2), TALLEST))
    for axes, (path, name, mean) in zip(places, means, strict=True):
        held = result.groups[path].variables
        rows, middle = np.arange(mean.values.size), mean.values.ravel()
        bounds = [held[f"{name}{MEAN}_{side}95"].values.ravel() for side in ("lower", "upper")]
        for own in held[name].values.reshape(-1, len(rows)):
            axes.plot(own, rows + BELOW, ".", color="0.5")
        reach = np.abs(np.stack(bounds) - middle)
        axes.errorbar(middle, rows, xerr=reach, fmt="o", color=COLOURS[0], capsize=3)
        where = [metric.where for metric in elements(result, path, mean)]
        axes.set_yticks(rows, all_shortened(differing(where), LONGEST))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(titled(mean.long_name, mean.unit))
        if name in shares:
            percent_axis(axes.xaxis)
