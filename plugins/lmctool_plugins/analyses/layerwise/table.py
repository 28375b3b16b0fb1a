"""A layerwise result as a table."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import TYPE_CHECKING, Any

from lmctool.api import Table
from lmctool.api.advanced import ShapeRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool.api import Result

    Array = NDArray[Any]

METRICS = {"error": "{:.2%}", "loss": "{:.4f}"}
HEADS = {"other": "other", "barrier": "barrier", "delta": "Delta", "share": "share"}
DIMS = ("variant", "rest", "split")
OTHERS = {"a": "B", "b": "A"}


def tabulate(result: Result) -> Table:
    """Show each part's value in its other state, barrier, Delta, share and shape."""
    groups = (result.groups[f"layerwise/{name}"] for name in ("summary", "full"))
    held, whole = ({n: v.values for n, v in group.variables.items()} for group in groups)
    sizes = result.groups["layerwise/part"].variables["size"].values
    total = result.groups["layerwise/part"].attributes["numbers"]
    leading = [dim for dim in DIMS if len(held[dim]) > 1]
    rows: list[tuple[str, ...]] = []
    for place in product(*(range(len(held[dim])) for dim in DIMS)):
        named = dict(zip(DIMS, place, strict=True))
        lead = [str(held[dim][named[dim]]) for dim in leading]
        for p, part in enumerate(held["part"]):
            rows.append((*lead, str(part), str(sizes[p]), *_cells(held, (*place, p))))
        path = _cells(whole, (named["variant"], named["split"]))
        rows.append((*lead, "(all)", str(total), *path))
    heads = (f"{metric}: {head}" for metric in METRICS for head in HEADS.values())
    return Table(
        _title(result),
        (*leading, "part", "numbers", *heads, "shape of loss"),
        tuple(rows),
        _notes(result),
    )


def _cells(held: Mapping[str, Array], place: tuple[int, ...]) -> list[str]:
    """Return the cells of one part, or of the full path, which lacks some."""
    cells = []
    for (metric, form), key in product(METRICS.items(), HEADS):
        values = held.get(f"{key}_{metric}")
        if values is None or values[place] != values[place]:  # NaN: no barrier to explain
            cells.append("-")
        else:
            cells.append(("{:.0%}" if key == "share" else form).format(values[place]))
    return [*cells, str(held["shape_loss"][place])]


def _title(result: Result) -> str:
    group = result.groups["layerwise/summary"]
    said, held = group.attributes, group.variables
    moved = "" if said["cumulative"] == "none" else f", cumulative {said['cumulative']}"
    rests = " and ".join(str(rest).upper() for rest in held["rest"].values)
    single = [str(held[dim].values[0]) for dim in ("split", "variant") if held[dim].values.size < 2]
    told = [f"the rest at {rests}", *single, f"{said['definition']} barriers"]
    return f"Parts by {said['by']}{moved} ({', '.join(told)})"


def _notes(result: Result) -> tuple[str, ...]:
    group = result.groups["layerwise/summary"]
    rule: dict[str, Any] = {each.name: group.attributes[each.name] for each in fields(ShapeRule)}
    rests = [str(rest) for rest in group.variables["rest"].values]
    others = " or ".join(f"{OTHERS[rest]} (the rest at {rest.upper()})" for rest in rests)
    return (
        f"other: the part at {others}; share: of the rise from the rest's state to the full path's"
        " barrier, what the part alone gives there",
        *ShapeRule(**rule).told(),
    )
