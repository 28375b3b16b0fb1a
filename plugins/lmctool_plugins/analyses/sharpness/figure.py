"""A sharpness result as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import metrics_of
from lmctool.api.advanced import (
    all_shortened,
    bars_height,
    checkpoint_names,
    draw_bars,
    file_titles,
    legend_below,
    legend_height,
    log_axis,
    looks,
    named_parts,
    panel_shape,
    panels,
    part_looks,
    path_label,
    score_axis,
)
from lmctool_plugins.analyses.sharpness.summary import CURVATURE, DENSITY, SCORES
from lmctool_plugins.analyses.sharpness.table import significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Result

WIDTH, HEIGHT = 4.8, 3.6
"""The size of a panel without its legend, in inches."""
LEGEND = 0.5
"""The height of a title and a legend of bars, in inches."""
BELOW = 0.1
"""The least density that is drawn, as a share of that of a single eigenvalue."""
LONGEST = 32
CURVES = {"eigenvalue": "largest eigenvalue", "trace": "trace"}
"""What is drawn of every network and part, and what its panels are called."""
WHERE = dict.fromkeys(CURVES, "of the Hessian")


def draw(result: Result, figure: Figure) -> None:
    """Draw curves along the path, or else densities and bars of the networks, on each split."""
    if "alpha" in result.groups[CURVATURE].variables:
        _draw_path(result, figure)
    else:
        _draw_networks(result, figure)


def _draw_networks(result: Result, figure: Figure) -> None:
    own = result.groups[CURVATURE].variables
    splits, parts = ([str(name) for name in own[dim].values] for dim in ("split", "part"))
    names = _networks(result)
    several = len(parts) > 1
    rows = (parts, names) if several else (names, [""])
    bars = bars_height(len(rows[0]), len(rows[1])) + LEGEND
    there, others = DENSITY in result.groups, metrics_of(result)[2:]
    count = there + len(CURVES) + len(others)
    height = max(bars, HEIGHT + legend_height(names, WIDTH)) if there else bars
    shape = panel_shape([count] * len(splits))
    figure.set_size_inches(WIDTH * shape[1], height * shape[0])
    for s, row in enumerate(panels(figure, [count] * len(splits))):
        if there:
            _draw_density(row[0], result, s, names)
            row[0].set_title(f"density on {splits[s]}")
        for axes, (name, label) in zip(row[there:], CURVES.items(), strict=False):
            values = _first(own[name].values, name)[:, s]
            values = values.T if several else values[:, :1]
            draw_bars(axes, rows[0], values, rows[1], significant, height)
            axes.set_xlabel(f"{label} {WHERE[name]}")
            axes.set_title(f"{label} on {splits[s]}")
            if several and len(names) > 1:
                legend_below(axes, WIDTH)
        for axes, metric in zip(row[there + len(CURVES) :], others, strict=True):
            scores = result.groups[SCORES].variables[metric.name].values[:, s, None]
            draw_bars(axes, names, scores, [""], metric.text, height)
            score_axis(axes.xaxis, metric)
            axes.set_title(f"{metric.name} on {splits[s]}")


def _networks(result: Result) -> list[str]:
    """Return the letters of the networks with the names of their files."""
    letters = [str(name).upper() for name in result.groups[CURVATURE].variables["network"].values]
    return file_titles(letters, checkpoint_names(result, len(letters)) or letters)


def _first(values: Array, name: str) -> Array:
    """Return the values that are drawn: of eigenvalues the largest."""
    return values[..., 0] if name == "eigenvalue" else values


def _draw_density(axes: Axes, result: Result, split: int, names: list[str]) -> None:
    """Draw the density of the whole of each network."""
    density = result.groups[DENSITY].variables
    sizes = result.groups[CURVATURE].variables["size"].values
    single = BELOW / (sizes[0] * density["sigma"].values[:, split, 0] * np.sqrt(2 * np.pi))
    for n, (name, look) in enumerate(
        zip(names, part_looks(len(names), ordered=False), strict=True)
    ):
        at, values = (density[key].values[n, split, 0] for key in ("at", "density"))
        line = look.line | {"marker": "", "linewidth": 1.2}
        axes.plot(at, values, label=name, **line)
    log_axis(axes.yaxis)
    axes.set_ylim(bottom=float(np.nanmin(single)))
    axes.set_xlabel("eigenvalue of the Hessian")
    axes.set_ylabel("density")
    legend_below(axes, WIDTH)


def _draw_path(result: Result, figure: Figure) -> None:
    """Draw loss, curvature and rise along the path, and of the last variant each part."""
    own = result.groups[CURVATURE].variables
    splits, parts, variants = (
        [str(name) for name in own[dim].values] for dim in ("split", "part", "variant")
    )
    loss, _, *others = metrics_of(result)
    shown = [loss, *others]
    drawn = {**CURVES, f"rise_{loss.name}": f"{loss.worsening} of the {loss.name}"}
    count = len(shown) + len(drawn) + len(CURVES) * (len(parts) > 1)
    named = named_parts(all_shortened(parts[1:], LONGEST)) if parts[1:] else []
    labels = [variants, [name for name in named if name[0] != "_"]]
    high = HEIGHT + max(legend_height(each, WIDTH) for each in labels if each)
    shape = panel_shape([count] * len(splits))
    figure.set_size_inches(WIDTH * shape[1], high * shape[0])
    for s, row in enumerate(panels(figure, [count] * len(splits))):
        places = iter(row)
        for metric in shown:
            axes = next(places)
            scores = result.groups[SCORES].variables[metric.name].values[:, :, s]
            _draw_variants(axes, result, scores)
            score_axis(axes.yaxis, metric)
            axes.set_title(f"{metric.name} on {splits[s]}")
        for name, label in drawn.items():
            axes = next(places)
            values = _first(own[name].values, name)[:, :, s, 0]
            _draw_variants(axes, result, values)
            if name == "trace":
                _draw_errors(axes, result, values, own["trace_error"].values[:, :, s, 0])
            axes.set_ylabel(f"{label} {WHERE.get(name, 'in the ball')}")
            axes.set_title(f"{label} on {splits[s]}")
        for (name, label), axes in zip(CURVES.items(), places, strict=False):
            values = _first(own[name].values, name)[-1, :, s, 1:]
            _draw_parts(axes, result, values, named)
            axes.set_ylabel(f"{label} {WHERE[name]}")
            axes.set_title(f"{label} of each part\n{variants[-1]}, {splits[s]}")
        for axes in row:
            legend_below(axes, WIDTH)


def _draw_variants(axes: Axes, result: Result, values: Array) -> None:
    """Draw a line for each variant, (variant, alpha)."""
    own = result.groups[CURVATURE].variables
    names = [str(name) for name in own["variant"].values]
    for row, name, look in zip(values, names, looks(names), strict=True):
        axes.plot(own["alpha"].values, row, label=name, **look.line)
    axes.set_xlabel(path_label(result))


def _draw_errors(axes: Axes, result: Result, values: Array, errors: Array) -> None:
    """Draw the standard error of each point as a bar, in the colour of its line."""
    own = result.groups[CURVATURE].variables
    names = [str(name) for name in own["variant"].values]
    for row, error, look in zip(values, errors, looks(names), strict=True):
        axes.errorbar(own["alpha"].values, row, error, fmt="none", ecolor=look.colour)


def _draw_parts(axes: Axes, result: Result, values: Array, names: list[str]) -> None:
    """Draw a line for each part of the network, (alpha, part)."""
    alpha = result.groups[CURVATURE].variables["alpha"].values
    own = part_looks(len(names), ordered=True)
    for number, (name, look) in enumerate(zip(names, own, strict=True)):
        line = look.line | {"marker": "", "linewidth": 1.2}
        axes.plot(alpha, values[:, number], label=name, **line)
    axes.set_xlabel(path_label(result))
