"""The matrices as heat maps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import metrics_of
from lmctool.api.advanced import panel_shape, panels, text_width
from lmctool_plugins.analyses.matrix.kernel import outlines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, ScoreMetric, Variable

FEW = 12
"""Checkpoints up to which cells are wide enough for a decimal."""
LONGEST = 24
"""Letters of a checkpoint's name that fit beside a heat map; of a longer one, its end."""
LETTER, APART = 0.08, 0.1
"""The width of a letter beside a heat map, and the room between two titles, in inches."""
SCALE = 10
"""The darkest barrier, in thresholds: where all are connected, none looks like a wall."""
DARK = 0.6
"""Share of the scale above which a cell's number is white."""


def draw(result: Result, figure: Figure) -> None:
    """Draw barriers of all but the loss, and distances, in the order of the clusters."""
    from matplotlib import rcParams

    variables = result.groups["matrix/barrier"].variables
    clusters = result.groups["matrix/clusters"].variables
    order = np.argsort(clusters["place"].values)
    threshold = float(str(result.groups["matrix/clusters"].attributes["threshold"]))
    maps: list[tuple[str, Array, float, int]] = []
    for metric in metrics_of(result)[1:]:
        heights = variables[metric.name].values[..., order[:, None], order]
        maps += _barriers(metric, heights, variables, threshold)
    far = result.groups["matrix/distance"].variables["symmetric"].values[order[:, None], order]
    maps.append(("symmetric distance", far, max(1.0, float(far.max())), 2))
    names = [_shortened(str(variables["checkpoint"].values[row])) for row in order]
    cells = max(len(names) * (0.45 if len(names) <= FEW else 0.3), 2)
    beside = 0.3 + LETTER * max(map(len, names))
    above = APART + max(text_width(title, rcParams["axes.titlesize"]) for title, *_ in maps)
    rows, columns = panel_shape([len(maps)])
    width = max(cells + beside, above)
    figure.set_size_inches(columns * width, rows * (cells + beside + 0.3))
    (grid,) = panels(figure, [len(maps)])
    for axes, (title, values, most, decimals) in zip(grid, maps, strict=True):
        _draw_heat(axes, values, most, decimals)
        axes.set_title(title)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        _outline(axes, clusters["cluster"].values[order])


def _barriers(
    metric: ScoreMetric, heights: Array, variables: Mapping[str, Variable], threshold: float
) -> list[tuple[str, Array, float, int]]:
    """Return the title, the values, the darkest value and the decimals of each map of a metric."""
    shown, unit, decimals = metric.points * heights, "", 2
    if metric.percent:
        unit, decimals = " (%)", 1 if shown.shape[-1] <= FEW else 0
    least = max(SCALE * threshold, 0.01) if metric.percent or math.isfinite(metric.high) else 0.0
    greatest = max(float(np.nan_to_num(shown).max()), metric.points * least)
    return [
        (f"{metric.name} barrier on {split}, {variant}{unit}", shown[v, s], greatest, decimals)
        for s, split in enumerate(variables["split"].values)
        for v, variant in enumerate(variables["variant"].values)
    ]


def _draw_heat(axes: Axes, values: Array, most: float, decimals: int) -> None:
    """Draw one matrix with its numbers, the diagonal left blank."""
    few = len(values) <= FEW
    shown = np.where(np.eye(len(values)) > 0, np.nan, values)
    axes.imshow(shown, "Blues", vmin=0, vmax=most, aspect="auto")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize="small" if few else "x-small")
    for (row, column), value in np.ndenumerate(values):
        if row != column:
            colour = "white" if value > DARK * most else "black"
            text = axes.text(column, row, f"{value:.{decimals}f}", color=colour, ha="center")
            text.set(va="center", fontsize=8 if few else 6)


def _outline(axes: Axes, members: Array) -> None:
    """Draw a frame around the cells of each cluster."""
    from matplotlib.patches import Rectangle

    for start, stop in outlines(members):
        corner, size = (start - 0.5, start - 0.5), stop - start
        frame = Rectangle(corner, size, size, fill=False, edgecolor="black", clip_on=False)
        axes.add_patch(frame)


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else "…" + name[1 - LONGEST :]
