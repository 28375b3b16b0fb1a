"""Panels of a barrier figure: the curves of parts of the examples, and classes one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api.advanced import all_shortened, looks, named_parts, part_looks, score_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from lmctool.api import Result, ScoreMetric
    from lmctool.api.advanced import Look

MOST_NAMED = 10
"""Classes that the axis names."""
ASIDE, SHORT = 0.7, 12
"""The share of a class's room that its points have, side by side; letters of its name."""
OTHERS = {
    "a": {"label": "A", "color": "0.5", "marker": "<"},
    "b": {"label": "B", "color": "0.5", "marker": ">"},
    "ensemble": {"label": "ensemble", "color": "0", "marker": "*"},
    "balanced a": {"label": "balanced A", "color": "0.5", "marker": "1"},
    "balanced b": {"label": "balanced B", "color": "0.5", "marker": "2"},
}
"""How networks look that are no variants."""


def draw_parts(result: Result, room: SubFigure, split: int, metrics: Sequence[ScoreMetric]) -> None:
    """Draw the curve of each part, a column for each variant, error above loss."""
    group = result.groups["barrier/parts"]
    variables = group.variables
    variants = variables["variant"].values
    names = all_shortened([str(name) for name in variables["part"].values])
    present = [part for part in range(len(names)) if variables["examples"].values[split, part]]
    by_class = group.attributes["by"] == "class"
    styles = part_looks(len(names), ordered=not by_class)
    labels = named_parts([names[part] for part in present])
    axes = room.subplots(2, len(variants), squeeze=False, sharex=True, sharey="row")
    for row, metric in enumerate(metrics):
        for column, variant in enumerate(variants):
            for part, label in zip(present, labels, strict=True):
                axes[row, column].plot(
                    variables["alpha"].values,
                    variables[metric.name].values[column, split, part],
                    label=label,
                    **styles[part].line | {"marker": ""},
                )
            if row == 0:
                axes[row, column].set_title(str(variant))
        _score_axis(axes[row, 0], metric)
    for column in range(len(variants)):
        axes[1, column].set_xlabel("alpha")
    by = "class" if by_class else "EL2N score (1 = easiest)"
    room.suptitle(f"{variables['split'].values[split]}, parts by {by}", fontsize=11)
    handles, shown = axes[0, 0].get_legend_handles_labels()
    room.legend(handles, shown, title="part", fontsize="small", loc="outside right center")


def _score_axis(axes: Axes, metric: ScoreMetric) -> None:
    """Name the axis of a panel that is short of room."""
    score_axis(axes.yaxis, metric)
    if metric.share:
        axes.set_ylabel(metric.name)


def draw_classes(
    result: Result, room: SubFigure, split: int, metrics: Sequence[ScoreMetric]
) -> None:
    """Draw error and loss of every network on each class, as points."""
    group = result.groups["barrier/classes"]
    variables = group.variables
    classes = [str(name) for name in variables["class"].values]
    places, networks = np.arange(len(classes)), [str(name) for name in variables["network"].values]
    between = [name for name in networks if name not in OTHERS]
    style = OTHERS | dict(zip(between, map(_between, looks(between)), strict=True))
    axes = room.subplots(2, 1, sharex=True)
    for row, metric in enumerate(metrics):
        for number, name in enumerate(networks):
            at = f"{name}, alpha {group.attributes['alpha']:.3g}"
            axes[row].plot(
                places + ASIDE * ((number + 0.5) / len(networks) - 0.5),
                variables[metric.name].values[number, split],
                linestyle="",
                markersize=4.5,
                **{"label": at} | style[name],
            )
        _score_axis(axes[row], metric)
    if len(places) <= MOST_NAMED:
        axes[1].set_xticks(places, all_shortened(classes, SHORT))
    axes[1].set_xlabel("class")
    room.suptitle(f"{variables['split'].values[split]} class by class", fontsize=11)
    handles, labels = axes[0].get_legend_handles_labels()
    room.legend(handles, labels, fontsize="small", loc="outside right center")


def _between(look: Look) -> dict[str, str]:
    return {"color": look.colour, "marker": look.marker}
