"""The table and the figure of a merge."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, metrics_of, score_table
from lmctool.api.advanced import (
    bars_height,
    checkpoint_names,
    draw_bars,
    draw_scores,
    file_titles,
    legend_below,
    looks,
    panel_shape,
    panels,
    score_axis,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result, ScoreMetric

SCORES, NETWORKS = "merge/scores", "merge/networks"
ALPHAS, FRAME = "merge/alphas", "merge/frame"
SOUP, TEMPERATURE = "merge/soup", "merge/temperature"
LISTED = 5
"""Tensors that a note lists."""
WIDTH, CURVES, LEGEND = 4.8, 3.6, 0.6
"""The width of a panel, the least height of one of curves, and that of a legend, in inches."""
DASHES = ("-", "--", "-.", ":")
"""Of the splits, and of the calibration examples behind them."""


def tabulate(result: Result) -> Table:
    """Show the scores, or else how far each network is from what was merged, and the proof."""
    variables = result.groups[NETWORKS].variables
    names, weights = variables["variant"].values, variables["weight"].values
    shares = ", ".join(f"{weight:.4g}" for weight in weights)
    same = "uniform" if np.ptp(weights) == 0 else f"weights {shares}"
    attributes = result.groups[NETWORKS].attributes
    how = str(attributes.get("method", "")).partition(" ")[0]
    by = f" by {how}" if how not in {"", "mean"} else ""
    on = f" from {attributes['base']}" if "base" in attributes else ""
    on += f" onto {attributes['onto']}" if "onto" in attributes else ""
    count = f"{len(weights)} network{'s' if len(weights) > 1 else ''}"
    title = f"Merge of {count}{by}{on} ({same}); {names[-1]} is written"
    notes = tuple(_notes(result))
    if SCORES in result.groups:
        compared = [str(name) for name in names]
        return score_table(title, result.groups[SCORES], notes, metrics_of(result), compared)
    columns = ("network", "file", "weight", *(f"distance, {name}" for name in names))
    rows = tuple(
        (str(name), str(file), f"{weight:.4g}", *(f"{value:.4g}" for value in far))
        for name, file, weight, far in zip(
            variables["network"].values,
            variables["file"].values,
            weights,
            variables["distance"].values.T,
            strict=True,
        )
    )
    return Table(title, columns, rows, notes)


def _notes(result: Result) -> list[str]:
    notes = []
    if rank := result.groups[NETWORKS].attributes.get("rank"):
        notes.append(f"LoRA updates B A are merged, not A and B: exact, of rank {rank}")
    excepted = result.groups[NETWORKS].attributes.get("excepted")
    if excepted:
        names = str(excepted).split(", ")
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        notes.append(f"of the first network, not merged: {', '.join(names[:LISTED])}{more}")
    if ALPHAS in result.groups:
        variables = result.groups[ALPHAS].variables
        alpha, loss = variables["alpha"].values, variables["calibration"].values[-1]
        chosen = float(variables["chosen"].values)
        notes.append(
            f"alpha {chosen:g} of {', '.join(f'{value:g}' for value in alpha)}:"
            f" least loss on the calibration examples, {loss[alpha == chosen][0]:.4f}"
        )
    if SOUP in result.groups:
        notes.append(_soup(result.groups[SOUP]))
    if TEMPERATURE in result.groups:
        notes.append(_temperature(result))
    if FRAME in result.groups:
        group = result.groups[FRAME]
        variables = group.variables
        spread = variables["spread"].values
        spreads = [
            f"{variables['unaligned'].values:.4g} as they are",
            f"{spread[0]:.4g} aligned with a",
        ]
        if len(spread) > 1:
            end = "settled" if group.attributes["settled"] else "still moving"
            spreads.append(f"{spread[-1]:.4g} after {len(spread) - 1} sweeps ({end})")
        notes.append(f"sum of squared distances to the mean: {', '.join(spreads)}")
        notes.append(
            f"frame {group.attributes['frame']}: a cycle of networks moves"
            f" {int(variables['displaced'].values)} units; outputs of each network and of its"
            f" permuted self differ by {variables['difference'].values.max():.2g} at most"
        )
    return notes


def _soup(group: Group) -> str:
    """Say which networks a greedy soup has, in the order in which they were tried."""
    tried = [
        f"{name} ({cost:.2%})" if included else f"not {name} ({cost:.2%})"
        for name, cost, included in zip(
            *(group.variables[name].values for name in ("network", "tried", "included")),
            strict=True,
        )
    ]
    return f"in the soup, by its error on the calibration examples: {', '.join(tried)}"


def _temperature(result: Result) -> str:
    """Say what the temperature does to the scores of the written network."""
    variables = result.groups[TEMPERATURE].variables
    loss = metrics_of(result)[0]
    calibration = [loss.text(float(variables[name].values)) for name in ("before", "after")]
    splits = [
        f"{split} " + ", ".join(f"{m.name} {m.text(variables[m.name].values[n])}" for m in shown)
        for shown in [[each for each in metrics_of(result) if each.name != "error"]]
        for n, split in enumerate(variables["split"].values)
    ]
    return (
        f"temperature {variables['temperature'].values:.4g}: loss {calibration[1]} on the"
        f" calibration examples, {calibration[0]} without; {'; '.join(splits)} with it"
    )


def draw(result: Result, figure: Figure) -> None:
    """Draw all but the loss where scores are known; then alphas, the frame's search, or distances.

    Of several alphas the loss is drawn, which chooses one.
    """
    loss, *others = metrics_of(result)
    letters = [str(name) for name in result.groups[NETWORKS].variables["network"].values]
    names = checkpoint_names(result, len(letters)) or letters
    titles = dict(zip(letters, file_titles(letters, names), strict=True))
    height = _height(result)
    drawn: list[tuple[str, Callable[[Axes, Group], None]]] = []
    if SCORES in result.groups:
        bars = partial(_scores, titles=titles, height=height)
        drawn += [(SCORES, partial(bars, metric=metric)) for metric in others]
    if ALPHAS in result.groups:
        drawn.append((ALPHAS, partial(_alphas, metric=loss)))
    if FRAME in result.groups and len(result.groups[FRAME].variables["spread"].values) > 1:
        drawn.append((FRAME, _search))
    if len({name for name, _ in drawn}) < 2:
        drawn.append((NETWORKS, partial(_distances, titles=titles, height=height)))
    rows, columns = panel_shape([len(drawn)])
    figure.set_size_inches(WIDTH * columns, (height + LEGEND) * rows)
    (grid,) = panels(figure, [len(drawn)])
    for axes, (name, draw_one) in zip(grid, drawn, strict=True):
        draw_one(axes, result.groups[name])


def _height(result: Result) -> float:
    """Return the height of a panel in inches: of bars, or of curves at least."""
    networks, variants = (
        len(result.groups[NETWORKS].variables[name].values) for name in ("network", "variant")
    )
    splits = len(result.groups[SCORES].variables["split"].values) if SCORES in result.groups else 1
    bars = max(bars_height(networks + variants, splits), bars_height(networks, variants))
    return max(bars, CURVES) if {ALPHAS, FRAME} & {*result.groups} else bars


def _scores(
    axes: Axes, group: Group, metric: ScoreMetric, titles: Mapping[str, str], height: float
) -> None:
    networks = map(str, group.variables["network"].values)
    variants = {name: name for name in networks if name not in titles}
    draw_scores(axes, group, metric, titles, variants, (WIDTH, height))


def _distances(axes: Axes, group: Group, titles: Mapping[str, str], height: float) -> None:
    variables = group.variables
    ways = [str(name) for name in variables["variant"].values]
    draw_bars(
        axes,
        [titles[str(name)] for name in variables["network"].values],
        variables["distance"].values.T,
        ways,
        "{:.4g}".format,
        height,
        series_colours=[look.colour for look in looks(ways)],
    )
    axes.set_xlabel("L2 distance to the merged network")
    legend_below(axes, WIDTH)


def _alphas(axes: Axes, group: Group, metric: ScoreMetric) -> None:
    variables = group.variables
    alpha, ways = variables["alpha"].values, [str(name) for name in variables["variant"].values]
    for way, look, by_split, chooses in zip(
        ways, looks(ways), variables["loss"].values, variables["calibration"].values, strict=True
    ):
        lines = [*zip(variables["split"].values, by_split, strict=True), ("calibration", chooses)]
        for (split, loss), dash in zip(lines, cycle(DASHES)):
            axes.plot(alpha, loss, label=f"{way}, {split}", **look.line | {"linestyle": dash})
    axes.axvline(float(variables["chosen"].values), color="0.5", linestyle=":", marker="")
    axes.set_xlabel("alpha")
    score_axis(axes.yaxis, metric)
    axes.set_title("the dotted alpha is written")
    legend_below(axes, WIDTH)


def _search(axes: Axes, group: Group) -> None:
    variables = group.variables
    axes.plot(variables["sweep"].values, variables["spread"].values, label="frame common")
    axes.axhline(
        float(variables["unaligned"].values), color="0.5", linestyle=":", label="as they are"
    )
    axes.locator_params(axis="x", integer=True)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("sweeps after each is aligned with a")
    axes.set_ylabel("sum of squared distances to the mean")
    legend_below(axes, WIDTH)
