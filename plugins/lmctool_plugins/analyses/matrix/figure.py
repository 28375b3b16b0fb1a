"""The matrices as heat maps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import metrics_of
from lmctool.api.advanced import all_shortened, panel_shape, panels, percent_axis, text_width
from lmctool_plugins.analyses.matrix.kernel import outlines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lmctool.api import Array, Result

FEW, MOST = 12, 30
"""Checkpoints up to which cells are wide enough for a decimal, and for a number at all."""
CELLS = {FEW: 0.5, MOST: 0.32}
"""The width of a cell of so many checkpoints, in inches."""
NAME, WIDEST = 0.18, 9.6
"""The room of a name, and of all cells of a map of more checkpoints, in inches."""
NARROWEST, BAR, TITLE = 2.6, 1.1, 0.6
"""The least width of a map, that of its colour bar, and the height of its title, in inches."""
SCALE = 10
"""The darkest barrier, in thresholds: where all are connected, none looks like a wall."""
DARK = 0.6
"""Share of the scale above which a cell's number is white."""


@dataclass(frozen=True, slots=True)
class Map:
    """One matrix.

    Attributes:
        title: what it is of.
        values: (checkpoint, checkpoint) in the order of the clusters.
        most: the value of the darkest cell, the same in all maps of one metric.
        label: of the colour bar.
        percent: whether the values are shares, written in per cent.
    """

    title: str
    values: Array
    most: float
    label: str
    percent: bool = False

    def text(self, value: float) -> str:
        """Return a value as its cell shows it."""
        if self.percent:
            return f"{value:.{1 if len(self.values) <= FEW else 0}%}".replace("%", " %")
        return f"{value:.2f}"


def draw(result: Result, figure: Figure) -> None:
    """Draw barriers of all but the loss, and distances, in the order of the clusters."""
    from matplotlib import rcParams

    clusters = result.groups["matrix/clusters"].variables
    order = np.argsort(clusters["place"].values)
    far = result.groups["matrix/distance"].variables["symmetric"].values[order[:, None], order]
    maps = [*_barriers(result, order), _distance(far)]
    checkpoints = result.groups["matrix/barrier"].variables["checkpoint"].values
    names = all_shortened([str(checkpoints[row]) for row in order])
    size = "small" if len(names) <= FEW else "x-small"
    beside = 0.3 + text_width(max(names, key=len), size)
    wide = next((c * len(names) for most, c in CELLS.items() if len(names) <= most), WIDEST)
    lines = [line for each in maps for line in each.title.split("\n")]
    above = max(text_width(line, rcParams["axes.titlesize"]) for line in lines)
    cells = max(wide, NARROWEST, above)
    shown = slice(None, None, -(-len(names) // int(cells / NAME)))
    rows, columns = panel_shape([len(maps)])
    figure.set_size_inches(columns * (cells + beside + BAR), rows * (cells + beside + TITLE))
    (grid,) = panels(figure, [len(maps)])
    for axes, each in zip(grid, maps, strict=True):
        _draw_heat(axes, each)
        axes.set_xticks(range(len(names))[shown], names[shown], rotation=90, fontsize=size)
        axes.set_yticks(range(len(names))[shown], names[shown], fontsize=size)
        _outline(axes, clusters["cluster"].values[order])


def _barriers(result: Result, order: NDArray[np.intp]) -> Iterator[Map]:
    """Yield the barriers of each metric, on each split, of each variant."""
    variables = result.groups["matrix/barrier"].variables
    threshold = float(str(result.groups["matrix/clusters"].attributes["threshold"]))
    variants, splits = (variables[dim].values for dim in ("variant", "split"))
    for metric in metrics_of(result)[1:]:
        heights = variables[metric.name].values[..., order[:, None], order]
        bounded = metric.percent or math.isfinite(metric.high)
        least = max(SCALE * threshold, 0.01) if bounded else 0.0
        most = max(float(np.nan_to_num(heights).max()), least)
        label = f"barrier of the {metric.label}".replace(" (", "\n(")
        for s, split in enumerate(splits):
            for v, variant in enumerate(variants):
                title = f"{metric.name} barrier on {split}\n{variant}"
                yield Map(title, heights[v, s], most, label, metric.percent)


def _distance(far: Array) -> Map:
    most = max(1.0, float(far.max()))
    return Map("symmetric distance", far, most, "sqrt(||A - B||^2 / (||A|| ||B||))")


def _draw_heat(axes: Axes, each: Map) -> None:
    """Draw one matrix with its numbers, the diagonal left blank."""
    shown = np.where(np.eye(len(each.values)) > 0, np.nan, each.values)
    image = axes.imshow(shown, "Blues", vmin=0, vmax=each.most, aspect="auto")
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(image, ax=axes)
    bar.set_label(each.label, size="small")
    bar.ax.tick_params(labelsize="small")
    if each.percent:
        percent_axis(bar.ax.yaxis)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title(each.title)
    if len(each.values) <= MOST:
        _write_numbers(axes, each)


def _write_numbers(axes: Axes, each: Map) -> None:
    size = 8 if len(each.values) <= FEW else 6
    for (row, column), value in np.ndenumerate(each.values):
        if row != column:
            colour = "white" if value > DARK * each.most else "black"
            text = axes.text(column, row, each.text(value), color=colour, ha="center")
            # within its cell, so that nothing need find how much room it takes
            text.set(va="center", fontsize=size, in_layout=False)


def _outline(axes: Axes, members: Array) -> None:
    """Draw a frame around the cells of each cluster."""
    from matplotlib.patches import Rectangle

    for start, stop in outlines(members):
        corner, size = (start - 0.5, start - 0.5), stop - start
        frame = Rectangle(corner, size, size, fill=False, edgecolor="black", clip_on=False)
        axes.add_patch(frame)
