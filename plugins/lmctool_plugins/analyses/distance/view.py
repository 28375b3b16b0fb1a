"""A distance as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table
from lmctool_plugins.analyses.distance.left_out import LEFT_OUT, left_out_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lmctool.api import Group, Result

SHOWN = ("norm_a", "norm_b", "l2", "relative", "symmetric", "cosine")
HEADS = ("||A||", "||B||", "||A-B||", "relative", "symmetric", "cosine")
NAMED = 64
"""Layers that the figure names; of more, every second, every third and so on."""
ROW, TALLEST = 0.2, 14
"""The height of one layer and the greatest of all, in inches."""


def tabulate(result: Result) -> Table:
    """Show the measures of the whole, of each kind of tensor and of each block."""
    whole = result.groups["distance/whole"]
    far = "travelled" in whole.variables
    rows = [*_rows("whole", whole, "", far)]
    for level in ("kind", "block"):
        rows += _rows(level, result.groups[f"distance/{level}"], level, far)
    heads: tuple[str, ...] = ("level", "part", "variant", *HEADS)
    notes = [
        "relative: ||A-B|| / ||A||; symmetric: sqrt(||A-B||^2 / (||A|| ||B||))",
        "whole and blocks are over " + _counted(str(whole.attributes["over"])),
    ]
    if LEFT_OUT in result.groups:
        notes += left_out_notes(result.groups[LEFT_OUT])
    if far:
        heads += ("||A-O||", "||B-O||", "cosine from O")
        notes.append(f"O is '{whole.attributes['origin']}'")
    return Table("Distance", heads, tuple(rows), tuple(notes), keys=3)


def _counted(over: str) -> str:
    if over == "all":
        return "all floating tensors, running statistics included"
    return "parameters: floating tensors but running statistics"


def _rows(name: str, group: Group, level: str, far: bool) -> Iterator[tuple[str, ...]]:
    variables = group.variables
    parts = [str(part) for part in variables[level].values] if level else [""]
    for p, part in enumerate(parts):
        for v, variant in enumerate(variables["variant"].values):
            place = (v, p) if level else (v,)
            cells = [_number(variables[key].values[place], key) for key in SHOWN]
            if far:
                cells += [_number(value) for value in variables["travelled"].values[place]]
                cells.append(_number(variables["travelled_cosine"].values[place], "cosine"))
            yield (name, part, str(variant), *cells)


def _number(value: float, name: str = "") -> str:
    if np.isnan(value):
        return "-"
    return f"{value:.4f}" if name == "cosine" else f"{value:.4g}"


def draw(result: Result, figure: Figure) -> None:
    """Draw the relative distance and the cosine of every layer, and the same from the origin."""
    group = result.groups["distance/layer"]
    layers = [str(name) for name in group.variables["layer"].values]
    variants = [str(name) for name in group.variables["variant"].values]
    far = "travelled" in group.variables
    panels = [("relative", variants), ("cosine", variants)]
    if far:
        several = len(variants) > 1
        ends = [f"{variant}: {end}" if several else end for variant in variants for end in "AB"]
        panels += [("travelled_relative", ends), ("travelled_cosine", variants)]
    figure.set_size_inches(9.2, (1.6 + min(ROW * len(layers), TALLEST)) * len(panels) / 2)
    grid = figure.subplots(len(panels) // 2, 2, squeeze=False, sharey=True)
    for axes, (name, labels) in zip(grid.flat, panels, strict=True):
        values = np.moveaxis(group.variables[name].values, 1, -1).reshape(len(labels), -1)
        _draw_bars(axes, values, labels)
        axes.set_xlabel(group.variables[name].long_name)
        if "cosine" in name:  # on its own scale, or else a cosine of 0.01 looks like much
            axes.set_xlim(float(np.nan_to_num(values).min(initial=0)) - 0.05, 1.05)
    step = -(-len(layers) // NAMED)
    for axes in grid[:, 0]:
        axes.set_yticks(range(0, len(layers), step), layers[::step], fontsize="small")
        axes.set_ylim(len(layers) - 0.5, -0.5)


def _draw_bars(axes: Axes, values: NDArray[Any], labels: list[str]) -> None:
    """Draw (bar, layer) values as bars side by side; those that are NaN are left out."""
    height = 0.8 / len(labels)
    for number, label in enumerate(labels):
        places = np.arange(values.shape[1]) + (number - (len(labels) - 1) / 2) * height
        axes.barh(places, np.nan_to_num(values[number]), height, label=label)
    axes.grid(visible=False, axis="y")
    if len(labels) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(labels), borderpad=0)
