"""A layerwise result as a figure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import shown_metrics
from lmctool.api.advanced import (
    all_shortened,
    legend_below,
    log_axis,
    path_label,
    score_axis,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, ScoreMetric

LINES, HEAT = 4.8, 4.6
"""The width of both panels of a row, without the names of the parts, in inches."""
HEIGHT, TALLEST, HIGHEST = 3.4, 8.0, 320.0
"""The least and the greatest height of a row, and the greatest of a figure, in inches."""
PART, NAME, LONGEST = 0.17, 7.5, 36
"""The height of one part in the heat map, in inches, the size of its name, and its letters."""
FEW = 8
"""Parts that a legend names."""
TOWERING = 10
"""Losses of a part that are so many times the greatest of the full path need a log scale."""
KEY = "beside each name the colour of its line"
MARKERS, DASHES = "os^DvPX", ("-", "--", "-.", ":")


@dataclass(frozen=True, slots=True)
class Scale:
    """The values of one metric in all panels, which are compared by eye.

    Attributes:
        metric: what they are of.
        low: the least of them.
        high: the greatest.
        log: whether one part towers over the full path, so that nothing else would be seen.
    """

    metric: ScoreMetric
    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, result: Result, metric: ScoreMetric) -> Scale:
        """Return the scale of the parts and the full path."""
        parts, full = (
            result.groups[f"layerwise/{name}"].variables[metric.name].values
            for name in ("curve", "full")
        )
        both = np.concatenate([parts.ravel(), full.ravel()])
        low, high = float(np.nanmin(both)), float(np.nanmax(both))
        log = not metric.percent and low > 0 and high > TOWERING * np.nanmax(full)
        return cls(metric, low, high, bool(log))

    def limits(self) -> tuple[float, float]:
        """Return the ends of an axis that shows all values."""
        if self.log:
            return self.low / 1.1, self.high * 1.1
        margin = 0.05 * (self.high - self.low) or 0.05
        return self.low - margin, self.high + margin


def draw(result: Result, figure: Figure) -> None:
    """Draw every part's curve with the full path dashed, and all parts as a heat map."""
    curve = result.groups["layerwise/curve"].variables
    names = {name: curve[name].values for name in ("variant", "rest", "split")}
    parts = all_shortened([str(name) for name in curve["part"].values], LONGEST)
    scales = [Scale.of(result, metric) for metric in shown_metrics(result)]
    places = product(*(range(len(own)) for own in names.values()))
    rows = [(place, scale) for place in places for scale in scales]
    height = min(max(HEIGHT, 1.2 + PART * len(parts)), TALLEST, HIGHEST / len(rows))
    beside = text_width(max(parts, key=len), NAME) + 0.5
    figure.set_size_inches(LINES + beside + HEAT, height * len(rows))
    grid = figure.subplots(len(rows), 2, squeeze=False, width_ratios=(LINES, beside + HEAT))
    step = -(-len(parts) // max(int((height - 1.2) / PART), 1))
    for (lines, heat), (place, scale) in zip(grid, rows, strict=True):
        variant, rest, split = place
        title = f"{scale.metric.name} on {names['split'][split]}"
        title += f", rest at {str(names['rest'][rest]).upper()}"
        if len(names["variant"]) > 1:
            title += f"\n{names['variant'][variant]}"
        _draw_lines(lines, result, place, scale, parts)
        _draw_heat(heat, result, place, scale)
        _name_rows(heat, parts, step)
        lines.set_title(title)
        heat.set_title(_moved(result) + ("" if len(parts) <= FEW else f"\n{KEY}"))


def _moved(result: Result) -> str:
    """Return what moves from A to B in each row of the heat map."""
    moved = result.groups["layerwise/curve"].attributes["cumulative"]
    others = {"forward": "together with all before it", "backward": "together with all after it"}
    return f"each part {others.get(str(moved), 'alone')}"


def palette(count: int) -> Array:
    """Return a colour for each part, from the first (dark) to the last (light)."""
    import matplotlib as mpl

    return np.asarray(mpl.colormaps["viridis"](np.linspace(0, 0.8, count)))


def _draw_lines(
    axes: Axes, result: Result, place: tuple[int, ...], scale: Scale, parts: list[str]
) -> None:
    """Draw a line for each part, in the colour beside its name, and the full path.

    A few lines differ in dash and marker too, and are named in a legend.
    """
    name, (variant, _, split) = scale.metric.name, place
    curve, full = (result.groups[f"layerwise/{group}"].variables for group in ("curve", "full"))
    alpha, few = curve["alpha"].values, len(parts) <= FEW
    rows = curve[name].values[place]
    if few:
        looks = zip(palette(len(parts)), cycle(MARKERS), cycle(DASHES))
        for part, row, (colour, marker, dash) in zip(parts, rows, looks, strict=False):
            look: dict[str, Any] = {"marker": marker, "linestyle": dash, "label": part}
            axes.plot(alpha, row, color=colour, linewidth=1.2, markersize=3, **look)
    else:  # one object, which costs what one line does
        from matplotlib.collections import LineCollection

        paths = [np.column_stack([alpha, row]) for row in rows]
        axes.add_collection(LineCollection(paths, colors=palette(len(parts)), linewidths=1.2))
    path = full[name].values[variant, split]
    axes.plot(alpha, path, color="0", linestyle="--", linewidth=2, marker="", label="full path")
    axes.set_xlabel(path_label(result))
    score_axis(axes.yaxis, scale.metric)
    if scale.log:
        log_axis(axes.yaxis)
    axes.set_ylim(scale.limits())
    legend_below(axes, LINES)


def _draw_heat(axes: Axes, result: Result, place: tuple[int, ...], scale: Scale) -> None:
    """Draw the value of each part at each alpha."""
    from matplotlib.colors import LogNorm, Normalize

    curve = result.groups["layerwise/curve"].variables
    alpha, values = curve["alpha"].values, curve[scale.metric.name].values[place]
    norm = (LogNorm if scale.log else Normalize)(scale.low, scale.high)
    look: dict[str, Any] = {"shading": "nearest", "cmap": "magma", "norm": norm}
    mesh = axes.pcolormesh(alpha, np.arange(len(values)), values, rasterized=True, **look)
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(mesh, ax=axes)
    score_axis(bar.ax.yaxis, scale.metric)
    if scale.log:
        log_axis(bar.ax.yaxis)
    axes.grid(visible=False)
    axes.set_xlabel(path_label(result))


def _name_rows(axes: Axes, parts: list[str], step: int) -> None:
    """Write the names of parts beside their rows, each tick in the colour of the part's line."""
    shown = range(0, len(parts), step)
    axes.set_yticks(shown, [parts[row] for row in shown], fontsize=NAME)
    axes.tick_params(axis="y", length=9, width=4)
    colours = palette(len(parts))
    for tick, row in zip(axes.yaxis.get_major_ticks(), shown, strict=True):
        tick.tick1line.set_markeredgecolor(tuple(colours[row]))
    axes.invert_yaxis()
