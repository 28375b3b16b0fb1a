"""A layerwise result as a table."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import ShapeRule, fall_notes, percent, share_notes
from lmctool_plugins.analyses.layerwise.kernel import UNEQUAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.api import Result, ScoreMetric

HEADS = {"other": "other", "barrier": "barrier", "delta": "rise", "share": "share"}
DIMS = ("variant", "rest", "split")
OTHERS = {"a": "B", "b": "A"}
REFERENCES = {
    "chord": "the chord between the curve's own ends",
    "mean-ends": "the mean of the curve's own ends",
    "max-end": "the greater of the curve's own ends",
}


def tabulate(result: Result) -> Table:
    """Show each part's value in its other state, barrier, rise (Delta), share and shape."""
    groups = (result.groups[f"layerwise/{name}"] for name in ("summary", "full"))
    parts, whole = ({n: v.values for n, v in group.variables.items()} for group in groups)
    sizes = result.groups["layerwise/part"].variables["size"].values
    total = result.groups["layerwise/part"].attributes["numbers"]
    metrics = shown_metrics(result)
    leading = [dim for dim in DIMS if len(parts[dim]) > 1]
    rows: list[tuple[str, ...]] = []
    for place in product(*(range(len(parts[dim])) for dim in DIMS)):
        named = dict(zip(DIMS, place, strict=True))
        lead = [str(parts[dim][named[dim]]) for dim in leading]
        for p, part in enumerate(parts["part"]):
            rows.append((*lead, str(part), str(sizes[p]), *_cells(metrics, parts, (*place, p))))
        path = _cells(metrics, whole, (named["variant"], named["split"]))
        rows.append((*lead, "(all)", str(total), *path))
    heads = (f"{metric.name}: {head}" for metric in metrics for head in HEADS.values())
    return Table(
        _title(result),
        (*leading, "part", "numbers", *heads, "shape of loss"),
        tuple(rows),
        _notes(result, metrics),
        keys=len(leading) + 1,
    )


def _cells(
    metrics: Sequence[ScoreMetric], values: Mapping[str, NDArray[Any]], place: tuple[int, ...]
) -> list[str]:
    """Return the cells of one part, or of the full path, which lacks some."""
    cells = []
    for metric, key in product(metrics, HEADS):
        column = values.get(f"{key}_{metric.name}")
        if column is None or column[place] != column[place]:  # NaN: no share
            cells.append("-")
        else:
            share = key == "share"
            cells.append(percent(column[place], 0) if share else metric.text(column[place]))
        bounds = [values.get(f"{key}_{metric.name}_{end}95") for end in ("lower", "upper")]
        shown = [metric.text(bound[place]) for bound in bounds if bound is not None]
        if shown:
            cells[-1] += f" ({' to '.join(shown)})"
    return [*cells, str(values["shape_loss"][place])]


def _title(result: Result) -> str:
    group = result.groups["layerwise/summary"]
    how, variables = group.attributes, group.variables
    moved = "" if how["cumulative"] == "none" else f", cumulative {how['cumulative']}"
    rests = " and ".join(str(rest).upper() for rest in variables["rest"].values)
    single = [
        str(variables[dim].values[0])
        for dim in ("split", "variant")
        if variables[dim].values.size < 2
    ]
    details = [f"the rest at {rests}", *single, f"{how['definition']} barriers"]
    return f"Parts by {how['by']}{moved} ({', '.join(details)})"


def _notes(result: Result, metrics: Sequence[ScoreMetric]) -> tuple[str, ...]:
    group = result.groups["layerwise/summary"]
    rule: dict[str, Any] = {each.name: group.attributes[each.name] for each in fields(ShapeRule)}
    rests = [str(rest) for rest in group.variables["rest"].values]
    others = " or ".join(f"{OTHERS[rest]} (the rest at {rest.upper()})" for rest in rests)
    reference = REFERENCES[str(group.attributes["definition"])]
    shapes = ShapeRule(**rule)
    estimated = "layerwise/share" in result.groups
    return (
        f"other: the part at {others}; barrier: above {reference}; rise: from an earlier point of"
        " the curve (Delta), which its shape is judged by",
        "share: of the rise from the rest's state to the full path's barrier, what the part"
        f" {'alone gives' if group.attributes['cumulative'] == 'none' else 'adds'} there",
        *_missing(result, metrics, shapes),
        *(f"shape {note}" for note in shapes.notes(metrics)),
        *fall_notes(metrics),
        *(share_notes(result.groups["layerwise/share"]) if estimated else ()),
    )


def _missing(result: Result, metrics: Sequence[ScoreMetric], rule: ShapeRule) -> Iterator[str]:
    """Say why shares are missing."""
    parts, full = (result.groups[f"layerwise/{name}"].variables for name in ("summary", "full"))
    variants = parts["variant"].values

    def missing(name: str, where: NDArray[np.bool_]) -> str:
        own = [str(v) for v, places in zip(variants, where, strict=True) if places.any()]
        return f"no share of {name}" + (f" ({', '.join(own)})" if len(variants) > 1 else "")

    for metric in metrics:
        name, least = metric.name, rule.least(metric)
        low = (full[f"barrier_{name}"].values <= least)[:, None]
        unequal = np.isnan(parts[f"whole_{name}"].values) & ~low
        shares = parts[f"share_{name}"].values
        beyond = (np.isnan(shares) & ~(low | unequal)[..., None]).any(axis=-1)
        if low.any():
            yield (
                f"{missing(name, low)}: the full path's barrier is not above {metric.text(least)}"
            )
        if unequal.any():
            yield (
                f"{missing(name, unequal)}: the ends are so unequal that the rise from the rest's"
                f" state is not the barrier, by more than {percent(UNEQUAL, 0)} of it"
            )
        if beyond.any():
            yield f"{missing(name, beyond)}: the part rises or falls by more than the barrier"
