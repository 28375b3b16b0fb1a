"""A curve result as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import shown_metrics
from lmctool.api.advanced import (
    legend_below,
    legend_height,
    log_axis,
    looks,
    panel_shape,
    panels,
    path_label,
    score_axis,
)
from lmctool_plugins.analyses.curve.summary import CURVES, SUMMARY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, ScoreMetric

WIDTH, HEIGHT, LEGEND = 4.8, 3.6, 0.5
"""The size of a panel with its title and label, and the height of a legend's title, in inches."""
MARKED = 4
"""Which points of a path have a marker."""
AVERAGED = 20
"""The share of the steps over which the loss of the training is averaged is one in so many."""


def draw(result: Result, figure: Figure) -> None:
    """Draw every path of each metric, split by split, and then the training."""
    metrics = shown_metrics(result)
    splits = result.groups[CURVES].variables["split"].values
    counts = [len(metrics)] * len(splits) + [1]
    labels = [_labels(result, metric, s) for s in range(len(splits)) for metric in metrics]
    rows, columns = panel_shape(counts)
    tall = HEIGHT + LEGEND + max(legend_height(own, WIDTH) for own in labels)
    figure.set_size_inches(WIDTH * columns, tall * rows)
    *grid, (training,) = panels(figure, counts)
    for (s, split), row in zip(enumerate(splits), grid, strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            _draw_paths(axes, result, s, metric)
            axes.set_title(f"{metric.name} on {split}")
    _draw_training(training, result)


def _labels(result: Result, metric: ScoreMetric, split: int) -> list[str]:
    summary = result.groups[SUMMARY].variables
    heights = summary[f"barrier_{metric.name}"].values[:, split]
    return [
        f"{path}: {metric.text(height)}"
        for path, height in zip(summary["path"].values, heights, strict=True)
    ]


def _draw_paths(axes: Axes, result: Result, split: int, metric: ScoreMetric) -> None:
    """Draw each path, with its barrier in the legend."""
    curves = result.groups[CURVES].variables
    names = [str(name) for name in curves["path"].values]
    values = curves[metric.name].values[:, split]
    for line, label, look in zip(values, _labels(result, metric, split), looks(names), strict=True):
        axes.plot(curves["alpha"].values, line, label=label, markevery=MARKED, **look.line)
    axes.set_xlabel(path_label(result))
    score_axis(axes.yaxis, metric)
    legend_below(axes, WIDTH, title=f"barrier ({result.groups[CURVES].attributes['definition']})")


def _draw_training(axes: Axes, result: Result) -> None:
    """Draw the loss of each step, pale, and its running mean."""
    training = result.groups["curve/training"].variables
    loss, metric = training["loss"].values, shown_loss(result)
    step = training["step"].values
    axes.plot(step, loss, color="0.8", linewidth=0.8, linestyle="-", marker="", label="a batch")
    width = max(1, len(loss) // AVERAGED)
    averaged = running_mean(loss, width)
    places = step[: len(averaged)] + (width - 1) / 2
    axes.plot(places, averaged, color="0", linestyle="-", marker="", label=f"mean of {width} steps")
    axes.set_title("training of the curve, at random places")
    axes.set_xlabel("step")
    score_axis(axes.yaxis, metric)
    if loss.min() > 0:  # it begins at the top of the barrier, and ends far below
        log_axis(axes.yaxis)
    legend_below(axes, WIDTH)


def shown_loss(result: Result) -> ScoreMetric:
    """Return the metric that the training lowers."""
    return next(metric for metric in shown_metrics(result) if metric.name == "loss")


def running_mean(values: Array, width: int) -> Array:
    """Return the means of so many values that follow one another, (mean,)."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    means: Array = (sums[width:] - sums[:-width]) / width
    return means
