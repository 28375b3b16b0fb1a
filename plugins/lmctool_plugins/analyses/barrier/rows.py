"""A barrier result as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Group, Result, Variable

    Variables = Mapping[str, Variable]
    Row = tuple[str, ...]

FORMS = {"error": "{:.2%}", "loss": "{:.4f}"}
PLACES = {"ensemble": 1, "balanced a": 0, "balanced b": 2}
"""Under which of the columns A, middle, B a baseline stands."""
MOST_PARTS = 10
"""Parts that are listed; of more, those with the highest barriers."""


def tabulate(result: Result) -> Table:
    """Show ends, midpoint, barrier, and what each step takes off the barrier."""
    curve = result.groups["barrier/curve"].variables
    summary = result.groups["barrier/summary"]
    parts = result.groups.get("barrier/parts")
    alpha = curve["alpha"].values
    middle = int(np.abs(alpha - 0.5).argmin())
    rows: list[Row] = []
    for s, split in enumerate(curve["split"].values):
        head = (str(split),) if parts is None else (str(split), "all")
        for metric in FORMS:
            rows += _rows(head, metric, curve, summary.variables, (slice(None), s), middle)
            if "barrier/baselines" in result.groups:
                width = len(rows[-1]) - len(head) - 5
                rows += _baselines(head, metric, result.groups["barrier/baselines"], s, width)
        for p in () if parts is None else _listed(parts, s):
            held = parts.variables if parts is not None else {}
            head = (str(split), str(held["part"].values[p]))
            for metric in FORMS:
                rows += _rows(head, metric, held, held, (slice(None), s, p), middle)
    said = summary.attributes
    columns = ["split", "metric", "variant", "A", f"alpha {alpha[middle]:.3g}", "B", "barrier"]
    if parts is not None:
        columns.insert(1, str(parts.attributes["by"]))
    if "bootstrap" in said:
        columns.append("95 % interval")
    return Table(
        f"Barrier ({said['definition']}, {len(alpha)} points, BatchNorm {said['batchnorm']})",
        (*columns, "at", "reduced by"),
        tuple(rows),
        tuple(_notes(result)),
    )


def _rows(
    head: Row,
    metric: str,
    curve: Variables,
    summary: Variables,
    where: tuple[slice | int, ...],
    middle: int,
) -> Iterator[Row]:
    """Give the row of each variant of one metric, on a split or a part of it."""
    form = FORMS[metric]
    values, heights = curve[metric].values[where], summary[f"barrier_{metric}"].values[where]
    lower, upper = (summary.get(f"barrier_{metric}_{end}95") for end in ("lower", "upper"))
    for v, variant in enumerate(curve["variant"].values):
        row = (*head, metric, str(variant))
        row += tuple(form.format(values[v, place]) for place in (0, middle, -1))
        row += (form.format(heights[v]),)
        if lower is not None and upper is not None:
            ends = (form.format(bound.values[where][v]) for bound in (lower, upper))
            row += (" to ".join(ends),)
        place = summary[f"alpha_{metric}"].values[where][v]
        yield (*row, f"{place:.3g}", _reduction(heights[v - 1], heights[v]) if v else "")


def _reduction(before: float, after: float) -> str:
    return f"{100 * (before - after) / before:.0f} %" if before > 0 else "-"


def _baselines(head: Row, metric: str, held: Group, split: int, width: int) -> Iterator[Row]:
    """Give the row of each baseline, ``width`` cells of it empty after the three values."""
    values = held.variables[metric].values[:, split]
    for name, value in zip(held.variables["network"].values, values, strict=True):
        cells = [""] * 3
        cells[PLACES[str(name)]] = FORMS[metric].format(value)
        yield (*head, metric, str(name), *cells, *[""] * width)


def _listed(parts: Group, split: int) -> list[int]:
    """Return the parts to list, in their order: those with examples and the highest barriers."""
    sizes = parts.variables["examples"].values[split]
    heights = parts.variables["barrier_error"].values[-1, split]
    there = [part for part in range(len(sizes)) if sizes[part]]
    return sorted(sorted(there, key=lambda part: -heights[part])[:MOST_PARTS])


def _notes(result: Result) -> Iterator[str]:
    said = result.groups["barrier/summary"].attributes
    if "bootstrap" in said:
        yield f"95 % intervals over examples, from {said['bootstrap']} draws"
    parts = result.groups.get("barrier/parts")
    if parts is not None and (count := len(parts.variables["part"].values)) > MOST_PARTS:
        yield f"of {count} parts, the {MOST_PARTS} with the highest error barriers of each split"
    if "barrier/singly" not in result.groups:
        return
    singly = result.groups["barrier/singly"].variables
    for s, split in enumerate(singly["split"].values):
        for v, variant in enumerate(singly["variant"].values):
            mean, median, lost = (singly[k].values[v, s] for k in ("mean", "median", "broken"))
            yield (
                f"{split}, {variant}: an example's own loss barrier is {mean:.4f} in the mean and"
                f" {median:.4f} in the median; {lost:.2%} are right at both ends and wrong between"
            )
