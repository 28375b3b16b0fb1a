"""A barrier result as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import barrier, shown_metrics
from lmctool.api.advanced import (
    legend_below,
    legend_height,
    looks,
    panel_shape,
    panels,
    path_label,
    reference,
    score_axis,
)
from lmctool_plugins.analyses.barrier.panels import draw_classes, draw_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from lmctool.api import Result, ScoreMetric

ARROW, BESIDE = 0.05, 0.025
"""A barrier below this share of the axis has no arrow, which would be a dot; how far arrows lie
from each other at least, in alpha."""
WIDTH, HEIGHT, LEGEND = 4.8, 3.6, 0.5
"""The size of a panel with its title and label, and the height of a legend's title, in inches."""
VARIANT = 2.4
"""The least width of a panel of parts, in inches."""
PARTS, CLASSES = 5.4, 5.4
ENSEMBLE: dict[str, Any] = {"color": "0", "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 1.2}
BASELINES: dict[str, tuple[str, Any]] = {
    "balanced a": ("balanced A", (0, (7, 2))),
    "balanced b": ("balanced B", (0, (2, 1))),
}


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
    variants = len(result.groups["barrier/curve"].variables["variant"].values)
    tall = HEIGHT + LEGEND + max(legend_height(labels, WIDTH) for labels in _all_labels(result))
    heights = [tall * rows, *(height for height, _ in more for _ in splits)]
    width = max(WIDTH * columns, VARIANT * variants if more else 0)
    figure.set_size_inches(width, sum(heights))
    if not more:
        _draw_curves(result, figure, metrics)
        return
    rooms = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_curves(result, rooms[0], metrics)
    below = [(function, split) for _, function in more for split in range(len(splits))]
    for room, (function, split) in zip(rooms[1:], below, strict=True):
        function(result, room, split, metrics[:2])


def _all_labels(result: Result) -> list[list[str]]:
    """Return the labels of each legend of the curves."""
    curve = result.groups["barrier/curve"].variables
    more = ["ensemble of logits", *(label for label, _ in BASELINES.values())]
    return [
        _labels(result, metric, split) + (more if "barrier/baselines" in result.groups else [])
        for metric in shown_metrics(result)
        for split in range(len(curve["split"].values))
    ]


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
    *labels, chord = _labels(result, metric, split)
    taken: list[float] = []
    for v, (label, look) in enumerate(zip(labels, looks(variants), strict=True)):
        axes.plot(alpha, values[v], label=label, **look.line)
        _band(axes, result, metric.name, (v, split), look.colour)
        if heights[v] > ARROW * (values.max() - values.min()):
            at = float(places[v])
            foot = float(np.interp(at, alpha, reference(alpha, costs[v], definition)))
            top, bottom = metric.as_cost(np.array([foot + float(heights[v]), foot]))
            taken.append(_free(at, taken))
            arrow = {"arrowstyle": "<->", "color": look.colour, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (taken[-1], top), (taken[-1], bottom), arrowprops=arrow)
    below = metric.as_cost(reference(alpha, costs[0], definition))
    axes.plot(alpha, below, color="0.4", linestyle=":", linewidth=1.2, marker="", label=chord)
    _draw_baselines(axes, result, split, metric.name)
    axes.set_xlabel(path_label(result))
    score_axis(axes.yaxis, metric)
    legend_below(axes, WIDTH, title="barrier")


def _free(at: float, taken: Sequence[float]) -> float:
    """Return the alpha nearest to a barrier's own at which its arrow lies over no other."""
    places = [at + way * step * BESIDE for step in range(len(taken) + 1) for way in (1, -1)]
    return next(
        place for place in places if all(abs(place - other) > 0.99 * BESIDE for other in taken)
    )


def _labels(result: Result, metric: ScoreMetric, split: int) -> list[str]:
    """Return what the legend says of each variant, its barrier with its interval, and the chord."""
    variables = result.groups["barrier/summary"].variables
    texts = []
    for v, variant in enumerate(variables["variant"].values):
        height, *interval = (
            metric.text(variables[name].values[v, split])
            for name in (f"barrier_{metric.name}{end}" for end in ("", "_lower95", "_upper95"))
            if name in variables
        )
        texts.append(f"{variant}: {height}" + (f" ({' to '.join(interval)})" if interval else ""))
    return [*texts, str(result.groups["barrier/curve"].attributes["definition"])]


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
        marker="",
        label="ensemble of logits",
        **ENSEMBLE,
    )
    baselines = result.groups["barrier/baselines"].variables
    values = baselines[metric].values[:, split]
    for name, value in zip(baselines["network"].values, values, strict=True):
        if str(name) in BASELINES:
            label, dash = BASELINES[str(name)]
            axes.axhline(value, color="0.45", linestyle=dash, linewidth=1.2, marker="", label=label)
