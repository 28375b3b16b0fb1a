"""A similarity result as a figure: lines over depth, and layers against layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api.advanced import (
    all_shortened,
    legend_above,
    legend_height,
    looks,
    panel_shape,
    panels,
)
from lmctool_plugins.analyses.similarity.networks import PAIRS
from lmctool_plugins.analyses.similarity.summary import GRID, LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result, Variable

MOST_NAMES = 16
"""Layers that are named at an axis; more are numbered."""
WIDTH, HEIGHT = 4.8, 4.0
"""The size of a panel without its legend, in inches."""
ENDS, MIDPOINT = PAIRS.index("A-B"), PAIRS.index("A-midpoint")
LINES = (
    ("cka", "linear CKA"),
    ("correlation", "mean correlation of matched units"),
    ("procrustes", "Procrustes distance"),
)


def draw(result: Result, figure: Figure) -> None:
    """Draw each split's lines over depth, and below them its heat maps."""
    lines, grid = (result.groups[path].variables for path in (LAYERS, GRID))
    splits = [str(name) for name in lines["split"].values]
    labels = [label for label, *_ in _pairs(lines, "correlation")]
    ends, *middles = _pairs(lines, "cka")
    maps = [ends, middles[0], *middles[1:][-1:]]  # three stand beside each other
    counts = [len(LINES), len(maps)] * len(splits)
    rows, columns = panel_shape(counts)
    height = HEIGHT + legend_height(labels, WIDTH)
    figure.set_size_inches(WIDTH * columns, height * rows)
    groups = panels(figure, counts)
    for s, split in enumerate(splits):
        on = f"on {split}" if len(splits) > 1 else ""
        for axes, (name, label) in zip(groups[2 * s], LINES, strict=True):
            _draw_lines(axes, lines, name, s)
            axes.set_ylabel(f"{label}\n{on}" if on else label)
            legend_above(axes, WIDTH)
        for axes, (label, v, pair, _) in zip(groups[2 * s + 1], maps, strict=True):
            _draw_heat(axes, grid, grid["cka"].values[v, pair, s], PAIRS[pair].split("-"))
            axes.set_title(f"{label}\n{on}" if on else label)


def _pairs(
    lines: Mapping[str, Variable], name: str
) -> Iterator[tuple[str, int, int, dict[str, Any]]]:
    """Yield the pairs that are drawn: a label, a variant, a pair, and how its line looks.

    The ends are dashed, a path's midpoint has a full line.  Permutations of units change neither
    CKA nor the distance of the ends; so aligned ends are drawn for the correlation alone.
    """
    variants = [str(variant) for variant in lines["variant"].values]
    for v, (variant, look) in enumerate(zip(variants, looks(variants), strict=True)):
        aligned = "repair" not in variant
        if v == 0 or (name == "correlation" and aligned):
            dashed = look.line | {"linestyle": "--", "markerfacecolor": "none"}
            yield "A and B" + (f", {variant}" if v else ""), v, ENDS, dashed
        yield f"A and midpoint, {variant}", v, MIDPOINT, dict(look.line) | {"linestyle": "-"}


def _draw_lines(axes: Axes, lines: Mapping[str, Variable], name: str, split: int) -> None:
    depth = lines["layer_position"].values
    for label, v, pair, style in _pairs(lines, name):
        axes.plot(depth, lines[name].values[v, pair, split], label=label, **style)
    low, high = axes.get_ylim()
    if name == "procrustes":
        axes.set_ylim(bottom=0)
    else:
        axes.set_ylim(min(low, 0.0), max(high, 1.0))
    names = [str(layer) for layer in lines["layer"].values]
    if len(names) <= MOST_NAMES:
        axes.set_xticks(depth, all_shortened(names), rotation=90, fontsize="small")
    else:
        axes.set_xlabel("layer, by its place from the input on")


def _draw_heat(
    axes: Axes, grid: Mapping[str, Variable], values: Array, networks: Sequence[str]
) -> None:
    """Draw CKA of each layer of A, from the bottom up, with each of the other network."""
    names = [str(layer) for layer in grid["layer"].values]
    depth = grid["layer_position"].values
    least = min(0.0, float(np.nanmin(values))) if np.isfinite(values).any() else 0.0
    edges = (0.5, values.shape[1] + 0.5, 0.5, values.shape[0] + 0.5)
    image = axes.imshow(
        values, "viridis", vmin=least, vmax=1, origin="lower", extent=edges, aspect="auto"
    )
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(image, ax=axes).set_label("linear CKA", size="small")
    axes.grid(visible=False)
    if len(names) <= MOST_NAMES:
        _name(axes, depth, all_shortened(names), values.shape[1])
    axes.set_ylabel(f"layer of {networks[0]}")
    axes.set_xlabel(f"layer of {networks[1]}")


def _name(axes: Axes, depth: Array, names: Sequence[str], columns: int) -> None:
    """Name the layers at both axes."""
    axes.set_xticks(depth[:columns], names[:columns], rotation=90, fontsize="small")
    axes.set_yticks(depth, names, fontsize="small")
