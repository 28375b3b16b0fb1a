"""A variance result as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api.advanced import all_shortened, legend_above, legend_height, log_axis, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result

MOST_NAMES = 24
"""Layers that are named at the axis; more are numbered."""
COLLAPSED = 0.05
"""Ratios below this are drawn on a logarithmic axis."""
WIDTH, HEIGHT = 4.8, 4.0
"""The size of a panel without its legend, in inches."""
DASHES = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"))
"""How alphas differ, where there are several."""


def draw(result: Result, figure: Figure) -> None:
    """Draw ratios and correlations over depth, and the channels of one layer."""
    channels = result.groups.get("variance/channels")
    count = 3 if channels else 2
    layers = result.groups["variance/layers"]
    figure.set_size_inches(WIDTH * count, HEIGHT + legend_height(_labels(layers), WIDTH))
    axes = figure.subplots(1, count)
    _draw_ratios(axes[0], layers, result.groups["variance/pairs"])
    _draw_correlations(axes[1], result.groups["variance/pairs"])
    if channels:
        _draw_channels(axes[2], channels)
    for each in axes:
        legend_above(each, WIDTH)


def _labels(group: Group) -> list[str]:
    """Return the names of lines: of variants, at each alpha where there are several."""
    variants, alpha = (group.variables[name].values for name in ("variant", "alpha"))
    many = len(alpha) > 1
    return [f"{name}, {x:g}" if many else str(name) for name in variants for x in alpha]


def _styles(group: Group) -> list[dict[str, Any]]:
    """Return how these lines look: by their variant, and by their alpha where there are several."""
    variants, alpha = (group.variables[name].values for name in ("variant", "alpha"))
    styles = []
    for look in looks([str(name) for name in variants]):
        for number in range(len(alpha)):
            dash, marker = DASHES[number % len(DASHES)]
            many = {"linestyle": dash, "marker": marker} if len(alpha) > 1 else {}
            styles.append(look.line | many)
    return styles


def _draw_ratios(axes: Axes, layers: Group, pairs: Group) -> None:
    depth, ratio = (layers.variables[name].values for name in ("layer_position", "ratio"))
    axes.axhline(1, color="0.6", linewidth=1)
    lines = ratio.reshape(-1, len(depth))
    for values, label, style in zip(lines, _labels(layers), _styles(layers), strict=True):
        axes.plot(depth, values, label=label, **style)
    if ratio.shape[1] == 1:
        goal = pairs.variables["goal"].values[-1, 0]
        axes.plot(depth, goal, color="0.4", linestyle=":", marker="", label="REPAIR's goal")
    positive = ratio[ratio > 0]
    if positive.size and positive.min() < COLLAPSED:
        log_axis(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    _name_layers(axes, layers)
    axes.set_ylabel("variance / mean of the ends'")


def _draw_correlations(axes: Axes, pairs: Group) -> None:
    variants = [str(name) for name in pairs.variables["variant"].values]
    depth = pairs.variables["layer_position"].values
    quantile = pairs.variables["correlation_quantile"].values
    axes.axhline(0, color="0.6", linewidth=1)
    for v, (variant, look) in enumerate(zip(variants, looks(variants), strict=True)):
        axes.plot(depth, pairs.variables["correlation"].values[v], label=variant, **look.line)
        low, high = quantile[v, 0], quantile[v, -1]
        axes.fill_between(depth, low, high, color=look.colour, alpha=0.15, linewidth=0)
    axes.set_ylim(top=1)
    _name_layers(axes, pairs)
    axes.set_ylabel("correlation of matched units\n(mean, 5 to 95 %)")


def _draw_channels(axes: Axes, channels: Group) -> None:
    variables = channels.variables
    count = len(variables["channel"].values)
    goal, own = (variables[name].values.reshape(-1, count) for name in ("goal_std", "std"))
    for n, (label, style) in enumerate(zip(_labels(channels), _styles(channels), strict=True)):
        points = style | {"linestyle": "", "markersize": 3}
        axes.plot(goal[n], own[n], alpha=0.7, label=label, **points)
    end = float(np.nanmax([goal.max(), own.max()]))
    axes.plot([0, end], [0, end], color="0.6", linewidth=1, linestyle="-", marker="")
    (layer,) = all_shortened([str(channels.attributes["layer"])])
    axes.set_xlabel(f"std of the ends, interpolated\n(channels of {layer})")
    axes.set_ylabel("std between the ends")


def _name_layers(axes: Axes, group: Group) -> None:
    depth, names = (group.variables[name].values for name in ("layer_position", "layer"))
    if len(names) <= MOST_NAMES:
        shown = all_shortened([str(name) for name in names])
        axes.set_xticks(depth, shown, rotation=90, fontsize="small")
    else:
        axes.set_xlabel("layer, by its place from the input on")
