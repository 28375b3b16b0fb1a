"""A graft result as a table and as a figure."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table, metrics_of, score_table, shown_metrics
from lmctool.api.advanced import fall_notes, panel_shape, panels, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lmctool.api import Array, Group, Result, ScoreMetric

PARTS, ROBUSTNESS, SCORES = "graft/parts", "graft/robustness", "graft/scores"
WIDTH, BAR = 4.8, 0.28
"""The width of a panel and the height of one bar, in inches."""
LISTED = 5
"""Tensors that a note lists."""
TALLEST = 40
"""The height of the tallest figure, in inches."""


def tabulate(result: Result) -> Table:
    """Show what each part is worth, or else the scores, or else what came from where."""
    parts = result.groups[PARTS]
    if ROBUSTNESS in result.groups:
        return _robustness_table(result)
    if SCORES in result.groups:
        return score_table("Graft", result.groups[SCORES], (_note(parts),), metrics_of(result))
    columns = [parts.variables[name].values for name in ("part", "tensors", "numbers", "taken")]
    rows = tuple(tuple(map(str, row)) for row in zip(*columns, strict=True))
    return Table("Graft", ("part", "tensors", "numbers", "taken"), rows, (_note(parts),))


def _note(parts: Group) -> str:
    """Return in words how much was taken, and what from."""
    variables = parts.variables
    whole = int((variables["taken"].values == variables["numbers"].values).sum())
    share, other = float(variables["share"].values), parts.attributes["other"]
    of = f"{whole} of {len(variables['part'].values)} parts, {percent(share)} of all numbers"
    left_out = str(parts.attributes.get("left_out", "")).split(", ")
    more = f" and {len(left_out) - LISTED} more" if len(left_out) > LISTED else ""
    kept = f"; left out: {', '.join(left_out[:LISTED])}{more}" if left_out[0] else ""
    return f"taken from {other}: {of if share else 'each part alone'}{kept}"


def _robustness_table(result: Result) -> Table:
    """Show a row for each network and each part alone taken, with its rise."""
    group, scores = result.groups[ROBUSTNESS], result.groups[SCORES].variables
    variables, metrics = group.variables, shown_metrics(result)
    rows = []
    for s, split in enumerate(variables["split"].values):
        for n, name in enumerate(scores["network"].values):
            own = [(m.text(scores[m.name].values[n, s]), "") for m in metrics]
            rows.append((str(split), f"({name})", *chain(*own)))
        for p, part in enumerate(variables["part"].values):
            own = [
                (
                    m.text(variables[m.name].values[p, s]),
                    m.signed(variables[f"rise_{m.name}"].values[p, s]),
                )
                for m in metrics
            ]
            rows.append((str(split), str(part), *chain(*own)))
    shares = ", ".join(f"the {metric.name}" for metric in metrics if metric.percent)
    return Table(
        f"Each part alone taken (by {group.attributes['by']})",
        ("split", "part", *chain(*((m.name, f"{m.name} {m.worsening}s") for m in metrics))),
        tuple(rows),
        (
            "rises: over (base)" + (f"; of {shares} in percentage points" if shares else ""),
            *fall_notes(metrics),
            _note(result.groups[PARTS]),
        ),
        keys=2,
    )


def draw(result: Result, figure: Figure) -> None:
    """Draw the rises of each part, or what came from where and all but the loss of the networks."""
    scores, metrics = result.groups.get(SCORES), shown_metrics(result)
    if ROBUSTNESS in result.groups:
        for axes, metric in zip(_panels(result, figure, len(metrics)), metrics, strict=True):
            _draw_rises(axes, result.groups[ROBUSTNESS], metric)
        return
    drawn = metrics_of(result)[1:] if scores is not None else ()
    taken, *others = _panels(result, figure, 1 + len(drawn))
    _draw_taken(taken, result.groups[PARTS])
    for axes, metric in zip(others, drawn, strict=True):
        _draw_networks(axes, result.groups[SCORES], metric)


def _panels(result: Result, figure: Figure, count: int) -> list[Axes]:
    """Return axes for the parts or the networks, and give the figure the size that they need."""
    bars = max(len(result.groups[PARTS].variables["part"].values), 6)
    rows, columns = panel_shape([count])
    width = 6 if count == 1 else WIDTH * columns
    figure.set_size_inches(width, min(2 + BAR * bars, TALLEST) * rows)
    (axes,) = panels(figure, [count])
    return axes


def _draw_networks(axes: Axes, scores: Group, metric: ScoreMetric) -> None:
    values = metric.points * scores.variables[metric.name].values
    _draw_bars(axes, scores.variables["network"].values, values, _splits(scores))
    axes.set_xlabel(f"{metric.name} (%)" if metric.percent else metric.label)


def _draw_rises(axes: Axes, group: Group, metric: ScoreMetric) -> None:
    values = metric.points * group.variables[f"rise_{metric.name}"].values
    _draw_bars(axes, group.variables["part"].values, values, _splits(group))
    axes.axvline(0, color="0.4", linewidth=1)
    what = f"{metric.name} (percentage points)" if metric.percent else metric.label
    axes.set_xlabel(f"{metric.worsening} of the {what}")
    axes.set_title(f"each part alone taken: {metric.name}")


def _draw_taken(axes: Axes, parts: Group) -> None:
    """Draw the size of each part, and how much of it was taken."""
    variables = parts.variables
    names = [str(name) for name in variables["part"].values]
    axes.barh(range(len(names)), variables["numbers"].values, color="0.85", label="kept")
    axes.barh(range(len(names)), variables["taken"].values, label="taken")
    axes.set_yticks(range(len(names)), names, fontsize="small")
    for label, own in zip(axes.get_yticklabels(), variables["taken"].values, strict=True):
        label.set_fontweight("bold" if own else "normal")  # a small part's bar is hardly seen
    axes.invert_yaxis()
    axes.set_xlabel("numbers in the part's tensors")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def _draw_bars(axes: Axes, names: NDArray[Any], values: Array, splits: Sequence[str]) -> None:
    """Draw (name, split) values as horizontal bars, those of one name together."""
    height = 0.8 / len(splits)
    for number, split in enumerate(splits):
        places = np.arange(len(names)) + (number - (len(splits) - 1) / 2) * height
        axes.barh(places, values[:, number], height, label=split)
    axes.set_yticks(range(len(names)), [str(name) for name in names], fontsize="small")
    axes.invert_yaxis()
    if len(splits) > 1:
        axes.legend()


def _splits(group: Group) -> list[str]:
    return [str(split) for split in group.variables["split"].values]
