"""A graft result as a table and as a figure."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, metrics_of, score_table, shown_metrics
from lmctool.api.advanced import (
    bars_height,
    draw_bars,
    draw_scores,
    end_names,
    fall_notes,
    legend_below,
    name_rows,
    panel_shape,
    panels,
    percent,
    row_bars,
    row_share,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result

PARTS, ROBUSTNESS, SCORES = "graft/parts", "graft/robustness", "graft/scores"
WIDTH, LEGEND = 4.8, 0.5
"""The width of a panel, and the height of its title and legend, in inches."""
GRAFTED = "grafted"
"""The network that is made."""
LISTED = 5
"""Tensors that a note lists."""


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
    if ROBUSTNESS in result.groups:
        _draw_robustness(result, figure)
        return
    scores = result.groups.get(SCORES)
    drawn = metrics_of(result)[1:] if scores is not None else ()
    parts = len(result.groups[PARTS].variables["part"].values)
    networks, splits = scores.variables[drawn[0].name].values.shape if scores else (0, 1)
    height = max(bars_height(parts), bars_height(networks, splits))
    rows, columns = panel_shape([1 + len(drawn)])
    figure.set_size_inches(WIDTH * columns if drawn else 6, (height + LEGEND) * rows)
    ((taken, *others),) = panels(figure, [1 + len(drawn)])
    _draw_taken(taken, result.groups[PARTS], height)
    named = zip(("base", "other"), end_names(result), strict=True)
    names = {network: network if file in "AB" else f"{network}: {file}" for network, file in named}
    for axes, metric in zip(others, drawn, strict=True):
        draw_scores(axes, result.groups[SCORES], metric, names, {GRAFTED: GRAFTED}, (WIDTH, height))


def _draw_robustness(result: Result, figure: Figure) -> None:
    """Draw how far each metric rises with each part alone taken."""
    group, metrics = result.groups[ROBUSTNESS], shown_metrics(result)
    names, splits = (list(map(str, group.variables[d].values)) for d in ("part", "split"))
    height = bars_height(len(names), len(splits))
    rows, columns = panel_shape([len(metrics)])
    figure.set_size_inches(WIDTH * columns, (height + LEGEND) * rows)
    (grid,) = panels(figure, [len(metrics)], sharey="row")
    for axes, metric in zip(grid, metrics, strict=True):
        values = metric.points * group.variables[f"rise_{metric.name}"].values
        draw_bars(axes, names, values, splits, "{:+.2f}".format, height)
        axes.axvline(0, color="0.4", linewidth=1)
        what = f"{metric.name} (percentage points)" if metric.percent else metric.label
        axes.set_xlabel(f"{metric.worsening} of the {what}")
        axes.set_title(f"each part alone taken: {metric.name}")
        if len(splits) > 1:
            legend_below(axes, WIDTH)


def _draw_taken(axes: Axes, parts: Group, height: float) -> None:
    """Draw the size of each part, and how much of it was taken."""
    variables = parts.variables
    names = [str(name) for name in variables["part"].values]
    places, thick = np.arange(len(names)), row_share(len(names), height)
    numbers, taken = (variables[name].values for name in ("numbers", "taken"))
    row_bars(axes, places, numbers, thick, color="0.85", label="kept")
    row_bars(axes, places, taken, thick, color="C0", label="taken")
    named = name_rows(axes, names, height)
    for label, own in zip(axes.get_yticklabels(), taken[named], strict=True):
        label.set_fontweight("bold" if own else "normal")  # a small part's bar is hardly seen
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel("numbers in the part's tensors")
    legend_below(axes, WIDTH)
