"""A layerwise result as a table."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any

from lmctool.api import ERROR, LOSS, Table
from lmctool.api.advanced import ShapeRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool.api import Result

METRICS = (ERROR, LOSS)
HEADS = {"other": "other", "barrier": "barrier", "delta": "Delta", "share": "share"}
DIMS = ("variant", "rest", "split")
OTHERS = {"a": "B", "b": "A"}


def tabulate(result: Result) -> Table:
    """Show each part's value in its other state, barrier, Delta, share and shape."""
    groups = (result.groups[f"layerwise/{name}"] for name in ("summary", "full"))
    parts, whole = ({n: v.values for n, v in group.variables.items()} for group in groups)
    sizes = result.groups["layerwise/part"].variables["size"].values
    total = result.groups["layerwise/part"].attributes["numbers"]
    leading = [dim for dim in DIMS if len(parts[dim]) > 1]
    rows: list[tuple[str, ...]] = []
    for place in product(*(range(len(parts[dim])) for dim in DIMS)):
        named = dict(zip(DIMS, place, strict=True))
        lead = [str(parts[dim][named[dim]]) for dim in leading]
        for p, part in enumerate(parts["part"]):
            rows.append((*lead, str(part), str(sizes[p]), *_cells(parts, (*place, p))))
        path = _cells(whole, (named["variant"], named["split"]))
        rows.append((*lead, "(all)", str(total), *path))
    heads = (f"{metric.name}: {head}" for metric in METRICS for head in HEADS.values())
    return Table(
        _title(result),
        (*leading, "part", "numbers", *heads, "shape of loss"),
        tuple(rows),
        _notes(result),
    )


def _cells(values: Mapping[str, NDArray[Any]], place: tuple[int, ...]) -> list[str]:
    """Return the cells of one part, or of the full path, which lacks some."""
    cells = []
    for metric, key in product(METRICS, HEADS):
        column = values.get(f"{key}_{metric.name}")
        if column is None or column[place] != column[place]:  # NaN: no barrier to explain
            cells.append("-")
        else:
            cells.append(f"{column[place]:.0%}" if key == "share" else metric.text(column[place]))
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


def _notes(result: Result) -> tuple[str, ...]:
    group = result.groups["layerwise/summary"]
    rule: dict[str, Any] = {each.name: group.attributes[each.name] for each in fields(ShapeRule)}
    rests = [str(rest) for rest in group.variables["rest"].values]
    others = " or ".join(f"{OTHERS[rest]} (the rest at {rest.upper()})" for rest in rests)
    return (
        f"other: the part at {others}; share: of the rise from the rest's state to the full path's"
        " barrier, what the part alone gives there",
        *ShapeRule(**rule).notes(),
    )
