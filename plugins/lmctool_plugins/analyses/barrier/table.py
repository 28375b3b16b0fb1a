"""A barrier result as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import best, fall_notes, percent, share_notes
from lmctool_plugins.analyses.barrier.precision import notes as precision_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.api import Array, Group, Result, ScoreMetric, Variable
    from lmctool.api.advanced import Mark

    Variables = Mapping[str, Variable]
    Row = tuple[str, ...]

PLACES = {"ensemble": 1, "balanced a": 0, "balanced b": 2}
"""Under which of the columns A, middle, B a baseline stands."""
MOST_PARTS = 10
"""Parts that are listed; of more, those with the highest barriers."""


def tabulate(result: Result) -> Table:
    """Show ends, midpoint, barrier, and what each step takes off the barrier.

    Baselines, parts of the examples and intervals are those of error and loss.
    """
    curve = result.groups["barrier/curve"].variables
    summary = result.groups["barrier/summary"]
    parts = result.groups.get("barrier/parts")
    alpha = curve["alpha"].values
    middle = int(np.abs(alpha - 0.5).argmin())
    metrics = shown_metrics(result)
    attributes = summary.attributes
    columns = ["split", "metric", "variant", "A", f"alpha {alpha[middle]:.3g}", "B", "barrier"]
    if parts is not None:
        columns.insert(1, str(parts.attributes["by"]))
    rows: list[Row] = []
    marks: dict[tuple[int, int], Mark] = {}

    def compare(heights: Array) -> None:
        """Mark the lowest of the barriers whose rows come next."""
        column = columns.index("barrier")
        marks.update({(len(rows) + v, column): "best" for v in best(heights, "lower")})

    for s, split in enumerate(curve["split"].values):
        head = (str(split),) if parts is None else (str(split), "all")
        for metric in metrics:
            compare(summary.variables[f"barrier_{metric.name}"].values[:, s])
            rows += _rows(head, metric, curve, summary.variables, (slice(None), s), middle)
            if metric in metrics[:2] and "barrier/baselines" in result.groups:
                width = len(rows[-1]) - len(head) - 5
                rows += _baselines(head, metric, result.groups["barrier/baselines"], s, width)
        for p in () if parts is None else _listed(parts, s):
            own = parts.variables if parts is not None else {}
            head = (str(split), str(own["part"].values[p]))
            for metric in metrics[:2]:
                compare(own[f"barrier_{metric.name}"].values[:, s, p])
                rows += _rows(head, metric, own, own, (slice(None), s, p), middle)
    if "barrier_loss_lower95" in summary.variables:
        columns.append("95 % interval")
    how = f"{attributes['definition']}, {len(alpha)} points, BatchNorm {attributes['batchnorm']}"
    return Table(
        f"Barrier ({how})",
        (*columns, "at", "reduced by"),
        tuple(rows),
        tuple(_notes(result, metrics)),
        keys=columns.index("A"),
        marks=marks,
    )


def _rows(
    head: Row,
    metric: ScoreMetric,
    curve: Variables,
    summary: Variables,
    where: tuple[slice | int, ...],
    middle: int,
) -> Iterator[Row]:
    """Give the row of each variant of one metric, on a split or a part of it."""
    name = metric.name
    values, heights = curve[name].values[where], summary[f"barrier_{name}"].values[where]
    for v, variant in enumerate(curve["variant"].values):
        row = (*head, name, str(variant))
        row += tuple(metric.text(values[v, place]) for place in (0, middle, -1))
        row += (metric.text(heights[v]),)
        if "barrier_loss_lower95" in summary:
            bounds = (summary.get(f"barrier_{name}_{end}95") for end in ("lower", "upper"))
            texts = [metric.text(bound.values[where][v]) for bound in bounds if bound is not None]
            row += (" to ".join(texts) or "-",)
        place = summary[f"alpha_{name}"].values[where][v]
        before = str(curve["variant"].values[v - 1])
        less = _reduction(heights[v - 1], heights[v], before) if v else ""
        yield (*row, f"{place:.3g}", less)


def _reduction(before: float, after: float, variant: str) -> str:
    """Return the share of the barrier of the variant before that a variant takes off."""
    return f"{percent((before - after) / before, 0)} of {variant}" if before > 0 else "-"


def _baselines(
    head: Row, metric: ScoreMetric, baselines: Group, split: int, width: int
) -> Iterator[Row]:
    """Give the row of each baseline, ``width`` cells of it empty after the three values."""
    values = baselines.variables[metric.name].values[:, split]
    for name, value in zip(baselines.variables["network"].values, values, strict=True):
        cells = [""] * 3
        cells[PLACES[str(name)]] = metric.text(value)
        yield (*head, metric.name, str(name), *cells, *[""] * width)


def _listed(parts: Group, split: int) -> list[int]:
    """Return the parts to list, in their order: those with examples and the highest barriers."""
    sizes = parts.variables["examples"].values[split]
    heights = parts.variables["barrier_error"].values[-1, split]
    present = [part for part in range(len(sizes)) if sizes[part]]
    return sorted(sorted(present, key=lambda part: -heights[part])[:MOST_PARTS])


def _notes(result: Result, metrics: Sequence[ScoreMetric]) -> Iterator[str]:
    attributes = result.groups["barrier/summary"].attributes
    if attributes["definition"] == "max-end":
        yield from _greater_ends(result.groups["barrier/ends"].variables, metrics)
    if "at_chance" in attributes:
        yield f"at chance: {attributes['at_chance']}; no barrier or reduction to it means anything"
    yield from fall_notes(metrics)
    yield from precision_notes(result, metrics)
    if "bootstrap" in attributes:
        yield f"95 % intervals over examples, from {attributes['bootstrap']} draws"
    if (share := result.groups.get("barrier/share")) is not None:
        yield from share_notes(share)
    parts = result.groups.get("barrier/parts")
    if parts is not None and (count := len(parts.variables["part"].values)) > MOST_PARTS:
        yield f"of {count} parts, the {MOST_PARTS} with the highest error barriers of each split"
    if "barrier/singly" not in result.groups:
        return
    singly = result.groups["barrier/singly"]
    means = singly.variables
    mean_of = "mean over tokens" if singly.attributes["weighted"] else "mean"
    for s, split in enumerate(means["split"].values):
        for v, variant in enumerate(means["variant"].values):
            mean, median = (means[key].values[v, s] for key in ("mean", "median"))
            told = (
                f"{split}, {variant}: an example's own loss barrier is {mean:.4f} in the {mean_of}"
                f" and {median:.4f} in the median"
            )
            if "broken" in means:
                lost = means["broken"].values[v, s]
                right = "of the examples are right at both ends and wrong between"
                told += f"; {percent(lost)} {right}"
            yield told


def _greater_ends(ends: Variables, metrics: Sequence[ScoreMetric]) -> Iterator[str]:
    """Say which end each barrier is over, where that is the greater one: that of greater cost."""
    which = "worse" if any(metric.better == "higher" for metric in metrics) else "greater"
    for s, split in enumerate(ends["split"].values):
        over = []
        for metric in metrics:
            own = ends[metric.name].values[s]
            end = int(metric.as_cost(own).argmax())
            over.append(f"{'AB'[end]}'s {metric.name} {metric.text(own[end])}")
        yield f"{split}: over the {which} end, {' and '.join(over)}"
