"""A variance result as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Array, Group, Result

MOST_NAMES = 24
"""Layers that are named at the axis; more are numbered."""
COLLAPSED = 0.05
"""Ratios below this are drawn on a logarithmic axis."""

DASHES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"))


def draw(result: Result, figure: Figure) -> None:
    """Draw ratios and correlations over depth, and the channels of one layer."""
    channels = result.groups.get("variance/channels")
    count = 3 if channels else 2
    figure.set_size_inches(4.2 * count, 4.4)
    axes = figure.subplots(1, count)
    _draw_ratios(axes[0], result.groups["variance/layers"], result.groups["variance/pairs"])
    _draw_correlations(axes[1], result.groups["variance/pairs"])
    if channels:
        _draw_channels(axes[2], channels)
    for each in axes:
        each.legend(fontsize="small", ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))


def _draw_ratios(axes: Axes, layers: Group, pairs: Group) -> None:
    alpha = layers.variables["alpha"].values
    depth, ratio = (layers.variables[name].values for name in ("layer_position", "ratio"))
    axes.axhline(1, color="0.6", linewidth=1)
    for v, variant in enumerate(layers.variables["variant"].values):
        for number in range(len(alpha)):
            axes.plot(depth, ratio[v, number], **_style(variant, v, alpha, number))
    if len(alpha) == 1:
        goal = pairs.variables["goal"].values[-1, 0]
        axes.plot(depth, goal, color="0.4", linestyle=":", marker="", label="REPAIR's goal")
    positive = ratio[ratio > 0]
    if positive.size and positive.min() < COLLAPSED:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    else:
        axes.set_ylim(bottom=0)
    _name_layers(axes, layers)
    axes.set_ylabel("variance / mean of the ends'")


def _draw_correlations(axes: Axes, pairs: Group) -> None:
    depth = pairs.variables["layer_position"].values
    quantile = pairs.variables["correlation_quantile"].values
    for v, variant in enumerate(pairs.variables["variant"].values):
        (line,) = axes.plot(depth, pairs.variables["correlation"].values[v], label=f"{variant}")
        low, high = quantile[v, 0], quantile[v, -1]
        axes.fill_between(depth, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set_ylim(top=1)
    _name_layers(axes, pairs)
    axes.set_ylabel("correlation (mean, 5 to 95 %)")


def _draw_channels(axes: Axes, channels: Group) -> None:
    variables = channels.variables
    alpha = variables["alpha"].values
    for v, variant in enumerate(variables["variant"].values):
        for number in range(len(alpha)):
            goal, own = (variables[name].values[v, number] for name in ("goal_std", "std"))
            style = {"marker": DASHES[v % len(DASHES)][1]} | _style(variant, v, alpha, number)
            axes.plot(goal, own, alpha=0.7, **style | {"linestyle": "", "markersize": 3})
    end = float(np.nanmax([variables["goal_std"].values.max(), variables["std"].values.max()]))
    axes.plot([0, end], [0, end], color="0.6", linewidth=1, linestyle="-", marker="")
    axes.set_xlabel(f"std of the ends, interpolated\n(channels of {channels.attributes['layer']})")
    axes.set_ylabel("std between the ends")


def _style(variant: str, place: int, alpha: Array, number: int) -> dict[str, Any]:
    """Return how a line looks: by its variant, and by its alpha where there are more."""
    if len(alpha) == 1:
        return {"label": variant}
    dash, marker = DASHES[number % len(DASHES)]
    label = f"{variant}, {alpha[number]:g}"
    return {"label": label, "color": f"C{place}", "linestyle": dash, "marker": marker}


def _name_layers(axes: Axes, group: Group) -> None:
    depth, names = (group.variables[name].values for name in ("layer_position", "layer"))
    if len(names) <= MOST_NAMES:
        axes.set_xticks(depth, [str(name) for name in names], rotation=90, fontsize="x-small")
    else:
        axes.set_xlabel("layer")
