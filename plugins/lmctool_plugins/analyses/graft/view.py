"""A graft result as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import ERROR, LOSS, Table, metrics_of, score_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lmctool.api import Array, Group, Result

PARTS, ROBUSTNESS, SCORES = "graft/parts", "graft/robustness", "graft/scores"
METRICS = (ERROR, LOSS)
BAR = 0.28
"""The height of one bar, in inches."""
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
    of = f"{whole} of {len(variables['part'].values)} parts, {share:.2%} of all numbers"
    left_out = str(parts.attributes.get("left_out", "")).split(", ")
    more = f" and {len(left_out) - LISTED} more" if len(left_out) > LISTED else ""
    kept = f"; left out: {', '.join(left_out[:LISTED])}{more}" if left_out[0] else ""
    return f"taken from {other}: {of if share else 'each part alone'}{kept}"


def _robustness_table(result: Result) -> Table:
    """Show a row for each network and each part alone taken, with its rise."""
    group, scores = result.groups[ROBUSTNESS], result.groups[SCORES].variables
    variables = group.variables
    rows = []
    for s, split in enumerate(variables["split"].values):
        for n, name in enumerate(scores["network"].values):
            error, loss = (m.text(scores[m.name].values[n, s]) for m in METRICS)
            rows.append((str(split), f"({name})", error, "", loss, ""))
        for p, part in enumerate(variables["part"].values):
            error, loss = (m.text(variables[m.name].values[p, s]) for m in METRICS)
            more_error, more_loss = (variables[f"rise_{m.name}"].values[p, s] for m in METRICS)
            risen = f"{100 * more_error:+.2f}", f"{more_loss:+.4f}"
            rows.append((str(split), str(part), error, risen[0], loss, risen[1]))
    return Table(
        f"Each part alone taken (by {group.attributes['by']})",
        ("split", "part", "error", "error rises", "loss", "loss rises"),
        tuple(rows),
        ("rises: over (base); of the error in percentage points", _note(result.groups[PARTS])),
    )


def draw(result: Result, figure: Figure) -> None:
    """Draw the rises of each part, or what came from where, and the error of the networks."""
    scores = result.groups.get(SCORES)
    count = len(result.groups[PARTS].variables["part"].values)
    evaluated = ROBUSTNESS in result.groups
    figure.set_size_inches(9.6 if evaluated or scores else 6, min(2 + BAR * max(count, 6), TALLEST))
    axes = figure.subplots(1, 2 if evaluated or scores else 1, squeeze=False)[0]
    if evaluated:
        for own, metric in zip(axes, ("error", "loss"), strict=True):
            _draw_rises(own, result.groups[ROBUSTNESS], metric)
        return
    _draw_taken(axes[0], result.groups[PARTS])
    if scores is not None:
        values = 100 * scores.variables["error"].values
        _draw_bars(axes[1], scores.variables["network"].values, values, _splits(scores))
        axes[1].set_xlabel("error (%)")


def _draw_rises(axes: Axes, group: Group, metric: str) -> None:
    factor, unit = (100, "percentage points") if metric == "error" else (1, "nats")
    values = factor * group.variables[f"rise_{metric}"].values
    _draw_bars(axes, group.variables["part"].values, values, _splits(group))
    axes.axvline(0, color="0.4", linewidth=1)
    axes.set_xlabel(f"rise of the {metric} ({unit})")
    axes.set_title(f"each part alone taken: {metric}")


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
