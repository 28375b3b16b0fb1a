"""A barrier result as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import barrier, shown_metrics
from lmctool.api.advanced import (
    looks,
    panel_shape,
    panels,
    path_label,
    reference,
    score_axis,
    text_width,
)
from lmctool_plugins.analyses.barrier.panels import draw_classes, draw_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from lmctool.api import Result, ScoreMetric

ARROW = 0.05
"""A barrier below this share of the axis is in the legend alone: its arrow would be a dot."""
WIDTH, HEIGHT = 4.6, 4.2
"""The size of a panel, in inches."""
HANDLE, APART = 0.33, 0.23
"""The width of what stands before a label of the legend, and between its columns, in inches."""
PARTS, CLASSES = 5.4, 5.4
BASELINES = {"balanced a": ("balanced A", "C5"), "balanced b": ("balanced B", "C6")}


def draw(result: Result, figure: Figure) -> None:
    """Draw every variant's curve of each metric, then the other groups, split by split.

    A curve has its barrier as an arrow, the reference, its interval as a band; the baselines are
    lines beside it.
    """
    metrics = shown_metrics(result)
    splits = result.groups["barrier/curve"].variables["split"].values
    more = [
        (height, function)
        for name, height, function in (
            ("barrier/parts", PARTS, draw_parts),
            ("barrier/classes", CLASSES, draw_classes),
        )
        if name in result.groups
    ]
    rows, columns = panel_shape([len(metrics)] * len(splits))
    heights = [HEIGHT * rows, *(height for height, _ in more for _ in splits)]
    figure.set_size_inches(WIDTH * columns, sum(heights))
    if not more:
        _draw_curves(result, figure, metrics)
        return
    rooms = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_curves(result, rooms[0], metrics)
    below = [(function, split) for _, function in more for split in range(len(splits))]
    for room, (function, split) in zip(rooms[1:], below, strict=True):
        function(result, room, split, metrics[:2])


def _draw_curves(
    result: Result, figure: Figure | SubFigure, metrics: Sequence[ScoreMetric]
) -> None:
    splits = result.groups["barrier/curve"].variables["split"].values
    grid = panels(figure, [len(metrics)] * len(splits))
    for row, split in enumerate(splits):
        for axes, metric in zip(grid[row], metrics, strict=True):
            _draw(axes, result, row, metric)
            axes.set_title(f"{metric.name} on {split}")


def _draw(axes: Axes, result: Result, split: int, metric: ScoreMetric) -> None:
    curve = result.groups["barrier/curve"]
    alpha = curve.variables["alpha"].values
    definition = str(curve.attributes["definition"])
    values = curve.variables[metric.name].values[:, split]
    costs = metric.as_cost(values)
    heights, places = barrier(alpha, costs, definition)
    variants = [str(name) for name in curve.variables["variant"].values]
    for v, (variant, look) in enumerate(zip(variants, looks(variants), strict=True)):
        label = f"{variant}: {heights[v]:.3g}{_interval(result, metric.name, v, split)}"
        axes.plot(alpha, values[v], label=label, **look.line)
        _band(axes, result, metric.name, (v, split), look.colour)
        if heights[v] > ARROW * (values.max() - values.min()):
            at = float(places[v])
            foot = float(np.interp(at, alpha, reference(alpha, costs[v], definition)))
            top, bottom = metric.as_cost(np.array([foot + float(heights[v]), foot]))
            arrow = {"arrowstyle": "<->", "color": look.colour}
            axes.annotate("", (at, top), (at, bottom), arrowprops=arrow)
    below = metric.as_cost(reference(alpha, costs[0], definition))
    axes.plot(alpha, below, color="0.4", linestyle=":", linewidth=1, marker="", label=definition)
    _draw_baselines(axes, result, split, metric.name)
    columns = _legend_columns(axes)
    axes.legend(
        title="barrier",
        fontsize="small",
        ncols=columns,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
    )
    axes.set_xlabel(path_label(result))
    score_axis(axes.yaxis, metric)


def _legend_columns(axes: Axes) -> int:
    """Return how many columns of labels have room below a panel: two, or one of long intervals."""
    _, labels = axes.get_legend_handles_labels()
    widths = [HANDLE + text_width(label, "small") for label in labels]
    half = -(-len(widths) // 2)
    needed = max(widths[:half]) + APART + max(widths[half:], default=0)
    return 2 if needed <= WIDTH else 1


def _interval(result: Result, metric: str, variant: int, split: int) -> str:
    """Return the interval of a barrier in words, or nothing where there is none."""
    summary = result.groups["barrier/summary"].variables
    bounds = [summary.get(f"barrier_{metric}_{end}95") for end in ("lower", "upper")]
    texts = [f"{bound.values[variant, split]:.3g}" for bound in bounds if bound is not None]
    return f" ({' to '.join(texts)})" if texts else ""


def _band(axes: Axes, result: Result, metric: str, where: tuple[int, int], colour: Any) -> None:
    if "barrier/band" not in result.groups:
        return
    band = result.groups["barrier/band"].variables
    if f"{metric}_lower95" in band:
        lower, upper = (band[f"{metric}_{end}95"].values[where] for end in ("lower", "upper"))
        axes.fill_between(band["alpha"].values, lower, upper, color=colour, alpha=0.2, linewidth=0)


def _draw_baselines(axes: Axes, result: Result, split: int, metric: str) -> None:
    if "barrier/baselines" not in result.groups:
        return
    ensemble = result.groups["barrier/ensemble"].variables
    if metric not in ensemble:
        return
    axes.plot(
        ensemble["alpha"].values,
        ensemble[metric].values[split],
        color="C3",
        linestyle="-",
        marker="",
        label="ensemble of logits",
    )
    baselines = result.groups["barrier/baselines"].variables
    values = baselines[metric].values[:, split]
    for name, value in zip(baselines["network"].values, values, strict=True):
        if str(name) in BASELINES:
            label, colour = BASELINES[str(name)]
            axes.axhline(value, color=colour, linestyle="--", marker="", label=label)
