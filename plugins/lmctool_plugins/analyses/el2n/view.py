"""An EL2N result as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, shown_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.api import Group, Result, ScoreMetric

BINS = 60
MOST = float(np.sqrt(2))
"""The highest score there is."""
MOST_NAMED = 8
"""Parts that a legend names."""
ENDS = {"a": "A", "b": "B"}


def tabulate(result: Result) -> Table:
    """Show the scores of each split, and how the pair does on it."""
    bounds = result.groups["el2n/splits"].variables
    pair = result.groups.get("el2n/parts")
    columns = ["split", "part", "examples", "lowest", "mean", "highest"]
    if pair is not None:
        names = (str(name) for name in pair.variables["network"].values)
        columns += ["metric", *(ENDS.get(name, name) for name in names)]
    metrics = shown_metrics(result)[:2]
    rows: list[tuple[str, ...]] = []
    for s, split in enumerate(bounds["split"].values):
        for p, part in enumerate(bounds["part"].values):
            scores = [bounds[name].values[s, p] for name in ("lowest", "score", "highest")]
            size = str(bounds["examples"].values[s, p])
            row = (str(split), str(part), size, *(f"{score:.3g}" for score in scores))
            rows += [row] if pair is None else _compared(row, metrics, pair, s, p)
    attributes = result.groups["el2n/examples"].attributes
    notes = () if pair is None else _gains(metrics[0], pair)
    return Table(
        f"EL2N ({attributes['splits']} equal splits by score,"
        f" mean of {attributes['checkpoints']} checkpoints)",
        tuple(columns),
        tuple(rows),
        notes,
    )


def _compared(
    row: tuple[str, ...], metrics: Sequence[ScoreMetric], pair: Group, split: int, part: int
) -> list[tuple[str, ...]]:
    """Return a row for each metric, the scores of the split in the first alone."""
    rows = []
    for metric in metrics:
        values = pair.variables[metric.name].values[:, split, part]
        rows.append((*row, metric.name, *map(metric.text, values)))
        row = (*row[:2], *[""] * (len(row) - 2))
    return rows


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
    """Draw the distribution of the scores with the bounds of the splits, and the pair's bars."""
    bounds = result.groups["el2n/splits"].variables
    pair = result.groups.get("el2n/parts")
    splits = bounds["split"].values
    columns = 1 if pair is None else 3
    figure.set_size_inches(6.4 if pair is None else 12.6, 3.8 * len(splits))
    axes = figure.subplots(len(splits), columns, squeeze=False)
    for row, split in enumerate(splits):
        _draw_scores(axes[row, 0], result, row)
        axes[row, 0].set_title(f"scores of {split}")
        if pair is not None:
            for column, metric in enumerate(shown_metrics(result)[:2], start=1):
                _draw_pair(axes[row, column], pair, row, metric)
                axes[row, column].set_title(f"{metric.name} on {split}")
    if pair is not None:
        handles, labels = axes[0, 1].get_legend_handles_labels()
        figure.legend(handles, labels, ncols=len(labels), loc="outside lower center")


def _draw_scores(axes: Axes, result: Result, split: int) -> None:
    from matplotlib import colormaps
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    examples = result.groups["el2n/examples"].variables
    bounds = result.groups["el2n/splits"].variables
    names = bounds["part"].values
    scores, parts = (examples[name].values for name in ("score", "part"))
    own = examples["within"].values == split
    axes.hist(
        [scores[own & (parts == number)] for number in range(1, len(names) + 1)],
        bins=BINS,
        range=(0, MOST),
        stacked=True,
        color=list(colormaps["viridis"](np.linspace(0.85, 0.1, len(names)))),
        label=[f"part {name}" for name in names],
    )
    lowest, highest = (bounds[name].values[split] for name in ("lowest", "highest"))
    for cut in (highest[:-1] + lowest[1:]) / 2:
        axes.axvline(float(cut), color="0.2", linestyle="--", linewidth=1, marker="")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0, MOST)
    axes.set_xlabel("EL2N score")
    axes.set_ylabel("examples")
    if len(names) <= MOST_NAMED:
        axes.legend(fontsize="small", ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _draw_pair(axes: Axes, pair: Group, split: int, metric: ScoreMetric) -> None:
    names, parts = pair.variables["network"].values, pair.variables["part"].values
    values = pair.variables[metric.name].values[:, split]
    width = 0.8 / len(names)
    places = np.arange(len(parts))
    for number, name in enumerate(names):
        label = ENDS.get(str(name), f"{name}, alpha 0.5")
        at = places + (number - (len(names) - 1) / 2) * width
        axes.bar(at, values[number], width, label=label)
    axes.set_xticks(places, [str(part) for part in parts])
    axes.set_xlabel("part by score (1 = easiest)")
    axes.set_ylabel(metric.label)
