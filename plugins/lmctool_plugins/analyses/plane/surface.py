"""A plane result as surfaces in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import shown_metrics
from lmctool.api.advanced import legend_height, panel_shape, percent_axis
from lmctool_plugins.analyses.plane.levels import Levels, level_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, ScoreMetric

WIDTH, HEIGHT = 4.8, 4.6
"""The size of a panel, in inches."""
MARKERS = ("o", "s", "D")
COLOURS = "viridis"
INTERVALS = 4
"""Intervals between numbers of an axis that goes into the depth, at most."""
ZOOM = 0.88
"""How large the axes are: smaller than usual, for the label of the vertical one to have room."""
ELEVATION, TURN = 30, -60
"""From where one looks, in degrees."""


def draw_surfaces(result: Result, figure: Figure, labels: Sequence[str]) -> None:
    """Draw a surface for each metric on each split, with the checkpoints on it.

    Args:
        result: the result.
        figure: an empty figure.
        labels: what the legend says of each corner.
    """
    grid = result.groups["plane/grid"].variables
    metrics, splits = shown_metrics(result), grid["split"].values
    rows, columns = panel_shape([len(metrics)] * len(splits))
    below = legend_height(labels, WIDTH)
    figure.set_size_inches(WIDTH * columns, (HEIGHT + below) * rows)
    across = -(-len(metrics) // columns)
    for s, split in enumerate(splits):
        for m, metric in enumerate(metrics):
            place = s * across * columns + m + 1
            axes: Any = figure.add_subplot(rows, columns, place, projection="3d")
            _draw_surface(axes, result, s, metric, labels)
            axes.set_title(f"{metric.name} on {split}")


def _draw_surface(
    axes: Any, result: Result, split: int, metric: ScoreMetric, labels: Sequence[str]
) -> None:
    """Draw the surface of one metric on one split; a log scale has its logarithm as height."""
    from matplotlib.ticker import MaxNLocator

    grid, corners = (result.groups[f"plane/{name}"].variables for name in ("grid", "corners"))
    x, y, values = grid["x"].values, grid["y"].values, grid[metric.name].values[split]
    ends = corners[metric.name].values[:, split]
    levels = Levels.of(np.append(values, ends))  # a corner beside the grid may lie below it
    heights = _height(np.where(np.isfinite(values), values, np.nan), levels)
    low, high = _height(levels.values[[0, -1]], levels)
    axes.plot_surface(
        *np.meshgrid(x, y), heights, cmap=COLOURS, vmin=low, vmax=high, rcount=200, ccount=200
    )
    own = corners["x"].values, corners["y"].values, _height(ends, levels)
    places = zip(*own, MARKERS, labels, strict=False)
    for px, py, pz, marker, label in places:
        look = {"color": "white", "markeredgecolor": "black", "linestyle": "", "zorder": 10}
        axes.plot([px], [py], [pz], marker=marker, label=label, markersize=7, **look)
    if "plane/path" in result.groups:
        path = result.groups["plane/path"].variables
        floor = np.full(len(path["x"].values), low)
        axes.plot(
            path["x"].values,
            path["y"].values,
            floor,
            color="black",
            label="path of the run",
            linestyle="-",
            marker=".",
            linewidth=1.2,
        )
    axes.set_zlim(low, high)
    axes.view_init(ELEVATION, TURN)
    axes.set_box_aspect(None, zoom=ZOOM)
    for axis, name in ((axes.xaxis, "x"), (axes.yaxis, "y")):
        axis.set_major_locator(MaxNLocator(INTERVALS))
        axis.set_label_text(name)
    axes.set_zlabel(metric.label, labelpad=8)
    if levels.log:
        some = levels.values[::2]
        axes.set_zticks(_height(some, levels), [level_text(metric, own) for own in some])
    elif metric.percent:
        percent_axis(axes.zaxis)
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.05), ncols=3)


def _height(values: Array, levels: Levels) -> Array:
    """Return how high values stand."""
    return np.log10(values) if levels.log else values
