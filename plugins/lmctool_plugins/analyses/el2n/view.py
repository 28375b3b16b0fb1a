"""An EL2N result as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import (
    checkpoint_names,
    file_titles,
    legend_below,
    log_axis,
    looks,
    score_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result, ScoreMetric

WIDTH, HEIGHT = 4.8, 4.0
"""The size of a panel, in inches."""
BINS = 60
MOST_NAMED = 8
"""Parts that a legend names."""
ENDS = {"a": "A", "b": "B"}
PAIR: tuple[dict[str, Any], ...] = (
    {"color": "0.25", "marker": "<", "linestyle": "-"},
    {"color": "0.55", "marker": ">", "linestyle": "-"},
)
"""How the two ends look."""


def tabulate(result: Result) -> Table:
    """Show the scores of each split, and how the pair does on it."""
    bounds = result.groups["el2n/splits"].variables
    pair = result.groups.get("el2n/parts")
    keys, columns = ["split", "part"], ["examples", "lowest", "mean", "highest"]
    if pair is not None:
        names = (str(name) for name in pair.variables["network"].values)
        keys.append("metric")
        columns += [ENDS.get(name, name) for name in names]
    metrics = shown_metrics(result)[:2]
    rows: list[tuple[str, ...]] = []
    for s, split in enumerate(bounds["split"].values):
        for p, part in enumerate(bounds["part"].values):
            scores = [bounds[name].values[s, p] for name in ("lowest", "score", "highest")]
            size = str(bounds["examples"].values[s, p])
            head, row = (str(split), str(part)), (size, *(f"{score:.3g}" for score in scores))
            if pair is None:
                rows.append((*head, *row))
                continue
            for metric in metrics:
                values = pair.variables[metric.name].values[:, s, p]
                rows.append((*head, metric.name, *row, *map(metric.text, values)))
    attributes = result.groups["el2n/examples"].attributes
    notes = () if pair is None else _gains(metrics[0], pair)
    return Table(
        f"EL2N ({attributes['splits']} equal splits by score,"
        f" mean of {attributes['checkpoints']} checkpoints)",
        (*keys, *columns),
        tuple(rows),
        notes,
        keys=len(keys),
    )


def _gains(metric: ScoreMetric, pair: Group) -> tuple[str, ...]:
    """Return where the networks between the pair lose least and most against their mean."""
    names, splits, parts = (pair.variables[dim].values for dim in ("network", "split", "part"))
    error = pair.variables[metric.name].values
    rises = error[2:] - error[:2].mean(axis=0)
    notes = []
    for s, split in enumerate(splits):
        for rise, variant in zip(rises[:, s], names[2:], strict=True):
            least, most = int(rise.argmin()), int(rise.argmax())
            notes.append(
                f"{split}, {variant}: error at alpha 0.5 over the mean of A and B from"
                f" {metric.signed(rise[least])} percentage points (part {parts[least]}) to"
                f" {metric.signed(rise[most])} (part {parts[most]})"
            )
    return tuple(notes)


def draw(result: Result, figure: Figure) -> None:
    """Draw the distribution of the scores with the bounds of the splits, and the pair on these."""
    bounds = result.groups["el2n/splits"].variables
    pair = result.groups.get("el2n/parts")
    splits = bounds["split"].values
    columns = 1 if pair is None else 3
    figure.set_size_inches(WIDTH * columns, HEIGHT * len(splits))
    axes = figure.subplots(len(splits), columns, squeeze=False)
    for row, split in enumerate(splits):
        _draw_scores(axes[row, 0], result, row)
        axes[row, 0].set_title(f"scores of {split}")
        if pair is not None:
            for column, metric in enumerate(shown_metrics(result)[:2], start=1):
                _draw_pair(axes[row, column], result, pair, row, metric)
                axes[row, column].set_title(f"{metric.name} on {split}")


def _draw_scores(axes: Axes, result: Result, split: int) -> None:
    from matplotlib import colormaps

    examples = result.groups["el2n/examples"].variables
    bounds = result.groups["el2n/splits"].variables
    names = bounds["part"].values
    scores, parts = (examples[name].values for name in ("score", "part"))
    own = examples["within"].values == split
    lowest, highest = (bounds[name].values[split] for name in ("lowest", "highest"))
    axes.hist(
        [scores[own & (parts == number)] for number in range(1, len(names) + 1)],
        bins=BINS,
        range=(float(lowest.min()), float(highest.max())),
        histtype="bar" if len(names) <= MOST_NAMED else "stepfilled",  # many bars take seconds
        stacked=True,
        color=list(colormaps["viridis"](np.linspace(0.85, 0.1, len(names)))),
        label=[f"part {name}" for name in names],
    )
    for cut in (highest[:-1] + lowest[1:]) / 2:
        axes.axvline(float(cut), color="0.2", linestyle="--", linewidth=0.8, marker="")
    log_axis(axes.yaxis)
    axes.set_ylim(bottom=0.7)  # so that one example is to be seen
    axes.set_ylabel("examples")
    axes.set_xlabel("EL2N score (dashed: between two parts)")
    if len(names) <= MOST_NAMED:
        legend_below(axes, WIDTH)
    else:
        axes.set_xlabel(f"EL2N score\n(dashed: between two of {len(names)} parts)")


def _draw_pair(axes: Axes, result: Result, pair: Group, split: int, metric: ScoreMetric) -> None:
    """Draw a metric of the pair on each part, and that of the networks between."""
    from matplotlib.ticker import MaxNLocator

    names = [str(name) for name in pair.variables["network"].values]
    values = pair.variables[metric.name].values[:, split]
    first = int(str(result.groups["el2n/examples"].attributes["checkpoints"]))
    ends = file_titles("AB", checkpoint_names(result, 2, first) or "AB")
    labels = [*ends, *(f"{name}, alpha 0.5" for name in names[2:])]
    lines = [*PAIR, *(look.line for look in looks(names[2:]))]
    places = np.arange(1, values.shape[1] + 1)
    for own, label, line in zip(values, labels, lines, strict=True):
        axes.plot(places, own, label=label, **line)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("part by score (1 = easiest)")
    score_axis(axes.yaxis, metric)
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    legend_below(axes, WIDTH)
