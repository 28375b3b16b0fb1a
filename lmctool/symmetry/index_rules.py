"""Rules of operations that look units up by index, or write over some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lmctool.graph.operations import arguments, aten, operation
from lmctool.symmetry.axis import Axis, concat
from lmctool.symmetry.axis_table import (
    Axes,
    AxisTable,
    Places,
    UnknownFormError,
    sizes,
    with_silent_values,
)
from lmctool.symmetry.contraction_rules import broadcast
from lmctool.symmetry.unification import cut, meet, unify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx

LOOKED_UP = "its rows are looked up by index"


def slice_scatter(node: fx.Node, table: AxisTable) -> Axes:
    """Write a value into a slice of another."""
    x, source = list(table.of(node.args[0])), table.of(node.args[1])
    defaults = (None, None, 0, 0, None, 1)
    arguments: list[Any] = [*node.args, *defaults[len(node.args) :]]
    dim, start, step = int(arguments[2]) % len(x), arguments[3] or 0, arguments[5]
    begin = start % x[dim].size if isinstance(start, int) and start < 0 else start
    for place, (axis, written) in enumerate(zip(x, source, strict=True)):
        if place != dim:
            x[place] = meet(axis, written)
    if source[dim].size == x[dim].size:
        x[dim] = source[dim]
        return tuple(x)
    head = cut(x[dim], begin) if isinstance(begin, int) and begin else (Axis(0), x[dim])
    tail = head and _ends(head[1], source[dim].size)
    if step != 1 or head is None or tail is None:
        for axis in (x[dim], source[dim]):
            axis.fix("some of its units are overwritten")
        return tuple(x)
    x[dim] = concat((head[0], source[dim], tail))
    return tuple(x)


def _ends(axis: Axis, size: int) -> Axis | None:
    if axis.size == size:
        return Axis(0)
    pieces = cut(axis, size)
    return pieces and pieces[1]


def select_scatter(node: fx.Node, table: AxisTable) -> Axes:
    """Write a value over one unit of another."""
    x, source = list(table.of(node.args[0])), table.of(node.args[1])
    dim = int(node.args[2]) % len(x)  # type: ignore[arg-type]
    x[dim].fix("one of its units is overwritten")
    rest = [place for place in range(len(x)) if place != dim]
    for place, written in zip(rest, source, strict=True):
        x[place] = meet(x[place], written)
    return tuple(x)


def look_up(axis: Axis, index: fx.Node, table: AxisTable) -> None:
    """Take units of an axis: those whose places the index holds, or by numbers that stay."""
    if places := table.places_in(index):
        unify(axis, places.axis)
    else:
        axis.fix(LOOKED_UP)


def _written(axis: Axis, index: fx.Node, table: AxisTable) -> Axis:
    """Return an axis some of whose units are written over, by index."""
    places = table.places_in(index)
    if axis.find().blank and places is None:
        return Axis(axis.size, LOOKED_UP)
    if places is not None:
        return meet(axis, places.axis)
    axis.fix(LOOKED_UP)
    return axis


def _dimension(node: fx.Node, x: Sequence[Axis]) -> int:
    if not x:
        raise UnknownFormError
    return int(arguments(node)["dim"]) % len(x)


def indexing(node: fx.Node, table: AxisTable) -> Axes:
    """Take units of one or more neighbouring axes by an index; the others pass on."""
    x = table.of(node.args[0])
    if node.target is aten.index.Tensor:
        indices: Sequence[fx.Node | None] = node.args[1]  # type: ignore[assignment]
    else:  # index_select(x, dim, index)
        indices = [None] * _dimension(node, x) + [node.args[2]]  # type: ignore[list-item]
    used = {dim: index for dim, index in enumerate(indices) if index is not None}
    for dim, index in used.items():
        look_up(x[dim], index, table)
    if places := table.places_in(node.args[0]):
        table.places[node] = Places(places.axis, places.reason, node)
    taken = broadcast([table.of(index) for index in used.values()])
    # The index's own axes stand in place of those it was used on, or, where these were no
    # neighbours, in front of all others.
    first = min(used) if [*used] == list(range(min(used), max(used) + 1)) else 0
    others = [axis for dim, axis in enumerate(x) if dim not in used]
    if any(_is_mask(index) for index in used.values()):
        for axis in taken:
            axis.fix("it holds indices")
        taken = (Axis(sizes(node)[first], "it holds what an index takes"),)
    return (*others[:first], *taken, *others[first:])


def _is_mask(index: fx.Node) -> bool:
    return index.meta["val"].dtype in (torch.bool, torch.uint8)


def embedding(node: fx.Node, table: AxisTable) -> Axes:
    """Look rows of a table up."""
    weight, index = table.of(node.args[0]), table.of(node.args[1])
    table.fix_places(node.args[0])
    look_up(weight[0], node.args[1], table)  # type: ignore[arg-type]
    return (*index, *weight[1:])


def embedding_bag(node: fx.Node, table: AxisTable) -> Any:
    """Look rows of a table up, and reduce those of each bag to one, unit by unit."""
    weight = table.of(node.args[0])
    table.fix_places(node.args[0])
    weight[0].fix(LOOKED_UP)
    for operand in node.all_input_nodes[1:]:
        for axis in table.of(operand):
            axis.fix("it lies in bags")
    return with_silent_values(node, (Axis(sizes(node)[0], "it is a bag"), weight[1]))


def gathering(node: fx.Node, table: AxisTable) -> Axes:
    """Take units of an axis by an index for each position of the others."""
    given = arguments(node)
    x, index = table.of(given["self"]), table.of(given["index"])
    dim = _dimension(node, x)
    look_up(x[dim], given["index"], table)
    if places := table.places_in(given["self"]):
        table.places[node] = Places(places.axis, places.reason, node)
    return tuple(
        axis if place == dim else _alike(axis, x[place]) for place, axis in enumerate(index)
    )


def scattering(node: fx.Node, table: AxisTable) -> Axes:
    """Write over units of an axis, or add to them, by an index for each position of the others."""
    given = arguments(node)
    x, index = list(table.of(given["self"])), table.of(given["index"])
    source = table.of(given.get("src"))
    for name in ("self", "src"):
        table.fix_places(given.get(name))
    dim = _dimension(node, x)
    index = tuple(map(_alike, index, source)) if source else index
    for place, axis in enumerate(index):
        if place == dim:
            x[dim] = _written(x[dim], given["index"], table)
        else:
            x[place] = _alike(x[place], axis)
    return tuple(x)


def _alike(axis: Axis, other: Axis) -> Axis:
    """Return an axis that meets another, of which only the first units may be used."""
    if axis.size == other.size:
        return meet(axis, other)
    for each in (axis, other):
        each.fix("only some of its units are taken")
    return axis


def index_add(node: fx.Node, table: AxisTable) -> Axes:
    """Add to units of one axis, or write over them, by index."""
    given = arguments(node)
    x, source = list(table.of(given["self"])), table.of(given["source"])
    for name in ("self", "source"):
        table.fix_places(given[name])
    dim = _dimension(node, x)
    for axis in table.of(given["index"]):
        meet(axis, source[dim])
    x[dim] = _written(x[dim], given["index"], table)
    for place, axis in enumerate(source):
        if place != dim:
            x[place] = meet(x[place], axis)
    return tuple(x)


def index_put(node: fx.Node, table: AxisTable) -> Axes:
    """Write over units of the first axis, or add to them, by one index."""
    given = arguments(node)
    x, (index, *others) = list(table.of(given["self"])), given["indices"]
    if others or index is None or _is_mask(index):
        raise UnknownFormError
    table.fix_places(given["self"])
    x[0] = _written(x[0], index, table)
    taken, values = table.of(index), given["values"]
    if len(taken) == 1 and operation(values) == "arange" and table.places_in(values):
        # the inverse of an order: at each place that the index holds, where it holds it
        table.places[node] = Places(taken[0], "it holds the inverse of an index", node)
        return tuple(x)
    table.fix_places(values)
    met = broadcast([(*taken, *x[1:]), table.of(values)])
    return (x[0], *met[len(taken) :])
