"""Panels of a barrier figure: the curves of parts of the examples, and classes one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import SubFigure

    from lmctool.api import Result, ScoreMetric

MOST_NAMED = 10
"""Parts that a legend names."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def draw_parts(result: Result, room: SubFigure, split: int, metrics: Sequence[ScoreMetric]) -> None:
    """Draw the curve of each part, a column for each variant, error above loss."""
    group = result.groups["barrier/parts"]
    variables = group.variables
    names, variants = variables["part"].values, variables["variant"].values
    present = [part for part in range(len(names)) if variables["examples"].values[split, part]]
    colours = _colours(str(group.attributes["by"]), len(names))
    axes = room.subplots(2, len(variants), squeeze=False, sharex=True, sharey="row")
    for row, metric in enumerate(metrics):
        for column, variant in enumerate(variants):
            for part in present:
                values = variables[metric.name].values[column, split, part]
                axes[row, column].plot(
                    variables["alpha"].values,
                    values,
                    color=colours[part],
                    linestyle="-",
                    marker="",
                    label=str(names[part]),
                )
            if row == 0:
                axes[row, column].set_title(str(variant))
        axes[row, 0].set_ylabel(_label(metric))
    for column in range(len(variants)):
        axes[1, column].set_xlabel("alpha")
    by = "class" if group.attributes["by"] == "class" else "EL2N score (1 = easiest)"
    room.suptitle(f"{variables['split'].values[split]}, parts by {by}", fontsize=11)
    if len(present) <= MOST_NAMED:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        room.legend(handles, labels, title="part", fontsize="small", loc="outside right center")


def _colours(by: str, count: int) -> list[Any]:
    """Return a colour for each part: apart for a few classes, else from light to dark."""
    from matplotlib import colormaps

    if by == "class" and count <= MOST_NAMED:
        return [colormaps["tab10"](number) for number in range(count)]
    return list(colormaps["viridis"](np.linspace(0.9, 0.05, count)))


def _label(metric: ScoreMetric) -> str:
    """Return the label of an axis that is short of room."""
    return metric.name if metric.share else metric.label


def draw_classes(
    result: Result, room: SubFigure, split: int, metrics: Sequence[ScoreMetric]
) -> None:
    """Draw error and loss of every network on each class, as points."""
    group = result.groups["barrier/classes"]
    variables = group.variables
    places = np.arange(len(variables["class"].values))
    axes = room.subplots(2, 1, sharex=True)
    for row, metric in enumerate(metrics):
        for number, name in enumerate(variables["network"].values):
            label = {"a": "A", "b": "B", "balanced a": "balanced A", "balanced b": "balanced B"}
            between = f"{name}, alpha {group.attributes['alpha']:.3g}"
            default = str(name) if str(name) == "ensemble" else between
            axes[row].plot(
                places,
                variables[metric.name].values[number, split],
                linestyle="",
                marker=MARKERS[number % len(MARKERS)],
                markersize=5,
                label=label.get(str(name), default),
            )
        axes[row].set_ylabel(_label(metric))
    if len(places) <= MOST_NAMED:
        axes[1].set_xticks(places, [str(name) for name in variables["class"].values])
    axes[1].set_xlabel("class")
    room.suptitle(f"{variables['split'].values[split]} class by class", fontsize=11)
    handles, labels = axes[0].get_legend_handles_labels()
    room.legend(handles, labels, fontsize="small", loc="outside right center")
