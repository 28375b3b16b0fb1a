"""A distance as a table and as a figure."""

from __future__ import annotations

from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table
from lmctool.api.advanced import (
    all_shortened,
    end_titles,
    legend_above,
    looks,
    short_names,
    shortened,
    text_width,
)
from lmctool_plugins.analyses.distance.left_out import LEFT_OUT, left_out_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result

SHOWN = ("norm_a", "norm_b", "l2", "relative", "symmetric", "cosine")
HEADS = ("||A||", "||B||", "||A-B||", "relative", "symmetric", "cosine")
WIDTH, WIDEST, HEIGHT = 4.8, 12.0, 2.9
"""The least and the greatest width of a panel, and its height without names, in inches."""
NAME, SIZE, LONGEST = 0.14, "x-small", 36
"""The room of the name of a layer, in inches, its size, and its letters."""
FEW = 24
"""Layers up to which two panels stand beside each other."""
MARKED = 60
"""Of more layers, the points of a line are not marked."""
CROWDED, THIN = 1000, 0.4
"""Layers of which a line is so thin that not all of it runs together, and how thin, in points."""
START: dict[str, Any] = {"color": "0.45", "linestyle": ":", "marker": "d"}
"""How what A alone does looks, which no variant changes."""


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
    layers = all_shortened([str(name) for name in group.variables["layer"].values], LONGEST)
    rows = [("relative", "cosine")]
    if "travelled" in group.variables:
        rows.append(("travelled_relative", "travelled_cosine"))
    names = list(chain.from_iterable(rows))
    columns = 2 if len(layers) <= FEW else 1
    width = min(max(WIDTH, NAME * len(layers)), WIDEST)
    below = text_width(max(layers, key=len), SIZE) + 1
    figure.set_size_inches(columns * width, len(names) // columns * HEIGHT + below)
    grid = figure.subplots(len(names) // columns, columns, squeeze=False, sharex=True)
    step = -(-len(layers) // int((width - 1) / NAME))
    for axes, name in zip(grid.flat, names, strict=True):
        _draw_lines(axes, group, name, width)
        axes.set_xticks(range(0, len(layers), step), layers[::step], rotation=90, fontsize=SIZE)
    figure.supxlabel(_caption(result), fontsize="small")


def _draw_lines(axes: Axes, group: Group, name: str, width: float) -> None:
    """Draw a measure of every layer, a line for each variant."""
    values = group.variables[name].values
    variants = [str(variant) for variant in group.variables["variant"].values]
    marks: dict[str, Any] = {} if values.shape[1] <= MARKED else {"marker": ""}
    if values.shape[1] > CROWDED:
        marks["linewidth"] = THIN
    places = np.arange(values.shape[1])
    ended = values.ndim == 3  # of A and of B
    if ended:
        axes.plot(places, values[0, :, 0], **{**START, **marks}, label="A")
    for variant, own, look in zip(variants, values, looks(variants), strict=True):
        label = f"B, {variant}" if ended and len(variants) > 1 else "B" if ended else variant
        axes.plot(places, own[:, 1] if ended else own, **{**look.line, **marks}, label=label)
    if "cosine" in name:  # on its own scale, or else a cosine of 0.01 looks like much
        axes.axhline(0, color="0.4", linewidth=1, linestyle=":", marker="")
        axes.set_ylim(float(np.nan_to_num(values).min(initial=0)) - 0.05, 1.05)
    else:
        axes.set_ylim(bottom=0)
    axes.set_ylabel(group.variables[name].long_name.replace(", ", "\n", 1))
    legend_above(axes, width)


def _caption(result: Result) -> str:
    """Return what A, B, O and the norm are."""
    whole = result.groups["distance/whole"]
    ends = ", ".join(end_titles(result))
    lines = [] if ends == "A, B" else [ends]
    if "travelled" in whole.variables:
        origin = PurePath(str(whole.attributes["origin"]))
        lines.append(f"O: {shortened(short_names([origin])[0])}, E: A or B")
    return "\n".join([*lines, f"||x||: Euclidean norm over a layer's {_kept(whole)}"])


def _kept(whole: Group) -> str:
    return "tensors" if whole.attributes["over"] == "all" else "parameters"
