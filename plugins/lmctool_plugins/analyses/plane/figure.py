"""A plane result as contours, or as surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import shown_metrics
from lmctool.api.advanced import (
    checkpoint_names,
    file_titles,
    legend_below,
    legend_height,
    panel_shape,
    panels,
    score_axis,
)
from lmctool_plugins.analyses.plane.levels import Levels, level_text
from lmctool_plugins.analyses.plane.surface import draw_surfaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, ScoreMetric

WIDTH, SIDE, ABOVE = 4.8, 3.2, 1.0
"""The width of a panel with its colour bar, of the plane in it, and the room of title and labels,
in inches."""
FLATTEST, TALLEST = 0.7, 1.6
"""The least and the greatest height of a plane, in its widths; other planes are stretched."""
MARKERS = ("o", "s", "D")
LETTER: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "zorder": 5}
MARK: dict[str, Any] = {
    "linestyle": "",
    "markersize": 11,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "zorder": 4,
}
ALIGNED = "π: aligned B"
COLOURS = "viridis"
SAME = 0.01
"""A stretch that is not told."""
APART = 0.42
"""How far labels of steps lie from each other at least, in inches."""
NOTHING = "0.8"
"""The colour of points without a value."""


def draw(result: Result, figure: Figure) -> None:
    """Draw a panel for each metric on each split: contours with the checkpoints and the path."""
    if result.groups["plane/grid"].attributes.get("surface"):
        draw_surfaces(result, figure, titles(result))
        return
    grid = result.groups["plane/grid"].variables
    metrics, splits = shown_metrics(result), grid["split"].values
    rows, columns = panel_shape([len(metrics)] * len(splits))
    width, height = (float(np.ptp(grid[key].values)) for key in "xy")
    shape = min(max(height / width, FLATTEST), TALLEST)
    stretch = shape * width / height
    labels = titles(result)
    tall = SIDE * shape + ABOVE + legend_height(labels, WIDTH)
    figure.set_size_inches(WIDTH * columns, tall * rows)
    figure.set_layout_engine("compressed")  # a colour bar is as high as the plane beside it
    for s, group in enumerate(panels(figure, [len(metrics)] * len(splits))):
        for axes, metric in zip(group, metrics, strict=True):
            _draw_contours(axes, result, s, metric)
            _draw_path(axes, result, SIDE / width * np.array([1, stretch]))
            _mark_corners(axes, result, labels)
            _shape(axes, stretch)
            axes.set_title(f"{metric.name} on {splits[s]}")
            legend_below(axes, WIDTH)


def titles(result: Result) -> list[str]:
    """Return what a legend says of each corner: its letter, and its file's name."""
    names = [str(name) for name in result.groups["plane/corners"].variables["corner"].values]
    letters = [name[-1].upper() for name in names if len(name) == 1]
    files = checkpoint_names(result, len(letters)) or letters
    return [*file_titles(letters, files), *(ALIGNED for _ in names[len(letters) :])]


def _draw_contours(axes: Axes, result: Result, split: int, metric: ScoreMetric) -> None:
    """Draw the values of one metric on one split, with a colour bar that has every level."""
    grid = result.groups["plane/grid"].variables
    x, y, values = grid["x"].values, grid["y"].values, grid[metric.name].values[split]
    levels = Levels.of(values)
    look: dict[str, Any] = {"levels": levels.values, "norm": levels.norm, "cmap": COLOURS}
    axes.set_facecolor(NOTHING)
    filled = axes.contourf(x, y, np.ma.masked_invalid(values), extend="neither", **look)
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(filled, ax=axes, ticks=levels.values)
    score_axis(bar.ax.yaxis, metric)
    bar.ax.grid(visible=False)
    bar.ax.minorticks_off()
    texts = [level_text(metric, level) for level in levels.values]
    bar.ax.set_yticks(levels.values, texts, fontsize="small")
    axes.grid(visible=False)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    axes.set_xlabel(grid["x"].long_name)
    axes.set_ylabel(grid["y"].long_name)


def _shape(axes: Axes, stretch: float) -> None:
    """Draw both axes alike, or say by how much one that would be too short is stretched."""
    axes.set_aspect(stretch)
    if abs(stretch - 1) > SAME:
        axis, times = (axes.yaxis, stretch) if stretch > 1 else (axes.xaxis, 1 / stretch)
        axis.set_label_text(f"{axis.get_label_text()}\nstretched {times:.2g} times")


def _mark_corners(axes: Axes, result: Result, labels: Sequence[str]) -> None:
    """Mark the checkpoints, each with a marker of its own that the legend names."""
    corners = result.groups["plane/corners"].variables
    places = zip(corners["x"].values, corners["y"].values, MARKERS, labels, strict=False)
    for x, y, marker, label in places:
        axes.plot([x], [y], marker=marker, label=label, clip_on=False, **MARK)
        axes.text(x, y, label[0], **LETTER)


def _draw_path(axes: Axes, result: Result, scale: Array) -> None:
    """Draw the path of a run, with the numbers of steps that have room.

    Args:
        axes: the panel.
        result: the result.
        scale: (axis,) inches of the panel to a unit of the plane.
    """
    if "plane/path" not in result.groups:
        return
    from matplotlib.patheffects import withStroke

    path = result.groups["plane/path"].variables
    x, y, step = (path[key].values for key in ("x", "y", "step"))
    label = f"path, steps {step[0]} to {step[-1]}"
    axes.plot(x, y, color="white", linewidth=3, marker="", zorder=2, label="_halo")
    axes.plot(x, y, color="black", linestyle="-", linewidth=1.2, marker=".", label=label)
    halo = [withStroke(linewidth=2, foreground="white")]
    for place in apart(np.stack([x, y], axis=-1) * scale):  # A is at the origin
        axes.annotate(
            str(step[place]),
            (x[place], y[place]),
            xytext=(5, 5),
            textcoords="offset points",
            fontsize="x-small",
            path_effects=halo,
            zorder=3,
        )


def apart(places: Array) -> list[int]:
    """Return which places have room for a label, far from the others and from the origin.

    Args:
        places: (place, axis) in inches.
    """
    taken, chosen = [np.zeros(2)], []
    for place, own in enumerate(places):
        if all(np.hypot(*(own - other)) >= APART for other in taken):
            taken.append(own)
            chosen.append(place)
    return chosen
