"""The matrices as heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool_plugins.analyses.matrix.kernel import outlines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result

FEW = 12
"""Checkpoints up to which cells are wide enough for a decimal."""
LONGEST = 24
"""Letters of a checkpoint's name that fit beside a heat map; of a longer one, its end."""
LETTER = 0.08
"""The width of a letter beside a heat map, in inches."""
SCALE = 10
"""The darkest barrier, in thresholds: where all are connected, none looks like a wall."""
DARK = 0.6
"""Share of the scale above which a cell's number is white."""


def draw(result: Result, figure: Figure) -> None:
    """Draw barriers and distances as heat maps, in the order of the clusters."""
    variables = result.groups["matrix/barrier"].variables
    clusters = result.groups["matrix/clusters"].variables
    order = np.argsort(clusters["place"].values)
    errors = 100 * variables["error"].values[..., order[:, None], order]
    threshold = float(str(result.groups["matrix/clusters"].attributes["threshold"]))
    greatest = max(float(errors.max()), 100 * SCALE * threshold, 1.0)
    decimals = 1 if errors.shape[-1] <= FEW else 0
    panels: list[tuple[str, Array, float, int]] = [
        (f"error barrier on {split}, {variant} (%)", errors[v, s], greatest, decimals)
        for s, split in enumerate(variables["split"].values)
        for v, variant in enumerate(variables["variant"].values)
    ]
    far = result.groups["matrix/distance"].variables["symmetric"].values[order[:, None], order]
    panels.append(("symmetric distance", far, max(1.0, float(far.max())), 2))
    names = [_shortened(str(variables["checkpoint"].values[row])) for row in order]
    cells = max(len(names) * (0.45 if len(names) <= FEW else 0.3), 2)
    beside = 0.3 + LETTER * max(map(len, names))
    columns = 2 if len(panels) in {2, 4} else 3
    rows = -(-len(panels) // columns)
    figure.set_size_inches(columns * (cells + beside), rows * (cells + beside + 0.3))
    grid: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, (title, values, most, decimals) in zip(grid, panels, strict=False):
        _draw_heat(axes, values, most, decimals)
        axes.set_title(title)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        _outline(axes, clusters["cluster"].values[order])
    for spare in grid[len(panels) :]:
        figure.delaxes(spare)


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
