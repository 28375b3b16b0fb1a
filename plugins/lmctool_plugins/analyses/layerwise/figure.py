"""A layerwise result as a figure."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import shown_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Group, Result, ScoreMetric

WIDTH, HEIGHT, TALLEST = 10.0, 3.6, 12.0
"""The width of the figure and the heights of a row of axes, in inches."""
PART = 0.16
"""The height of one part in the heat map, in inches."""
NAMED = 72
"""Parts that the heat map names; of more, some."""


def draw(result: Result, figure: Figure) -> None:
    """Draw every part's curve with the full path dashed, and all parts as a heat map."""
    curve, full = result.groups["layerwise/curve"], result.groups["layerwise/full"]
    names = {name: curve.variables[name].values for name in ("variant", "rest", "split", "part")}
    panels = list(product(*(range(len(names[dim])) for dim in ("variant", "rest", "split"))))
    height = min(max(HEIGHT, 1.2 + PART * len(names["part"])), TALLEST)
    metrics = shown_metrics(result)
    rows = len(panels) * len(metrics)
    figure.set_size_inches(WIDTH, height * rows)
    grid = figure.subplots(rows, 2, squeeze=False, width_ratios=(1, 1.1))
    for row, (place, metric) in enumerate(product(panels, metrics)):
        variant, rest, split = place
        title = (
            f"{metric.name} on {names['split'][split]}, rest at {str(names['rest'][rest]).upper()}"
        )
        if len(names["variant"]) > 1:
            title += f", {names['variant'][variant]}"
        lines, heat = grid[row]
        colours = palette(len(names["part"]))
        path = full.variables[metric.name].values[variant, split]
        _draw_lines(lines, curve, path, place, metric, colours)
        _draw_heat(heat, curve, place, metric, colours)
        lines.set_title(title)
        moved = curve.attributes["cumulative"]
        heat.set_title("parts" if moved == "none" else f"parts, cumulative {moved}")


def palette(count: int) -> Array:
    """Return a colour for each part, from the first (dark) to the last (light)."""
    import matplotlib as mpl

    return np.asarray(mpl.colormaps["viridis"](np.linspace(0, 0.8, count)))


def _draw_lines(
    axes: Axes,
    curve: Group,
    path: Array,
    place: tuple[int, ...],
    metric: ScoreMetric,
    colours: Array,
) -> None:
    """Draw a line for each part, in the colour of its name beside the heat map."""
    alpha, values = curve.variables["alpha"].values, curve.variables[metric.name].values[place]
    names = curve.variables["part"].values
    for name, row, colour in zip(names, values, colours, strict=True):
        label = f"_{name}"  # so it is not in the legend
        axes.plot(alpha, row, color=colour, label=label, linestyle="-", marker="", linewidth=1.2)
    axes.plot(alpha, path, color="0", linestyle="--", marker="", label="full path")
    axes.set_xlabel("alpha (0 = A, 1 = B)")
    axes.set_ylabel(metric.label)
    axes.legend(fontsize="small", loc="best")


def _draw_heat(
    axes: Axes, curve: Group, place: tuple[int, ...], metric: ScoreMetric, colours: Array
) -> None:
    """Draw the value of each part at each alpha."""
    alpha, values = curve.variables["alpha"].values, curve.variables[metric.name].values[place]
    names = curve.variables["part"].values
    rows = np.arange(len(names))
    mesh = axes.pcolormesh(alpha, rows, values, shading="nearest", cmap="magma", rasterized=True)
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(mesh, ax=axes, label=metric.label)
    some = rows[:: -(-len(rows) // NAMED)]
    axes.set_yticks(some, [str(names[row]) for row in some], fontsize="x-small")
    for label, row in zip(axes.get_yticklabels(), some, strict=True):
        label.set_color(colours[row])
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel("alpha (0 = A, 1 = B)")
