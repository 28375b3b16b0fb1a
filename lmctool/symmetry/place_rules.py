"""Rules of values whose numbers are places on an axis: of its greatest units, or in sorted order.

A router picks the experts of a row by their places on the axis of its scores.  When the experts
change places, so do the numbers that it picks; rows that these numbers look up, and rows that are
sorted by them and multiplied expert by expert, come out the same.  Equal scores aside, of which
the first may be picked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import arguments, operation
from lmctool.symmetry.axis import Axis, sorted_rows
from lmctool.symmetry.axis_table import (
    Axes,
    AxisTable,
    Places,
    UnknownFormError,
    new_axes,
    sizes,
)
from lmctool.symmetry.shape_rules import asks_places, ordered, reduced, reduction
from lmctool.symmetry.unification import unify

if TYPE_CHECKING:
    from torch import fx

MOVES = frozenset(
    {
        *("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze"),
        *("_reshape_alias", "view_copy", "permute", "transpose", "t", "mT", "numpy_T", "swapaxes"),
        *("clone", "contiguous", "to", "_to_copy", "type_as", "alias", "detach"),
        *("lift_fresh_copy", "lift_fresh"),
    }
)
"""Operations whose value has the numbers of their operand, each once."""
REPEATS = frozenset({"expand", "expand_as", "broadcast_to", "repeat", "tile", "repeat_interleave"})
PICKS = frozenset({"slice", "select"})
CASTS = frozenset({"to", "_to_copy", "type_as", "alias", "detach", "contiguous"})
IGNORES = frozenset(
    {
        *("zeros_like", "ones_like", "full_like", "empty_like"),
        *("new_zeros", "new_ones", "new_full", "new_empty"),
        *("sym_size", "_assert_tensor_metadata"),
    }
)
"""Operations that ask for no number of their operand."""
COUNTS = frozenset({"histc", "bincount"})
GROUPED = frozenset({"_grouped_mm", "transformers::grouped_mm_fallback"})


def pass_on(node: fx.Node, table: AxisTable) -> bool:
    """Let the value of an operation that moves numbers about have the places of its operand.

    Returns:
        Whether the operation leaves the numbers as they are, or asks for none.
    """
    name = operation(node)
    if name not in MOVES | REPEATS | PICKS:
        return name in IGNORES
    if places := table.places_in(node.args[0]):
        source = places.source if name in MOVES else node
        table.places[node] = Places(places.axis, places.reason, source)
    return True


def ranking(node: fx.Node, table: AxisTable) -> list[Axes]:
    """Sort an axis, or take its greatest units: by rank they are the same in whatever order."""
    x, given = table.of(node.args[0]), arguments(node)
    dim = int(given["dim"]) % max(len(x), 1)
    reason = f"operation {operation(node)} runs along it"
    named = table.places_in(node.args[0])
    if not x:
        return [(), ()]
    if named and len(x) == 1 and operation(node) == "sort" and not given["descending"]:
        rows = sorted_rows(named.axis, x[0].size)
        table.orders[rows] = named.source
        table.places[node] = [named, Places(x[0], reason, node)]
        return [(rows,), (rows,)]
    table.fix_places(node.args[0])
    if asks_places(node):
        table.places[node] = [None, Places(x[dim], reason, node)]
    out = (*x[:dim], Axis(sizes(node)[dim], reason), *x[dim + 1 :])
    return [out, out]


def extremum(node: fx.Node, table: AxisTable) -> Any:
    """Reduce an axis to its greatest or least unit, and tell the place of that."""
    x = table.of(node.args[0])
    table.fix_places(node.args[0])
    alone = operation(node) in ("argmax", "argmin")
    if alone or asks_places(node):
        reason = "the place of its greatest unit is asked for"
        axes = reduced(node, x)
        if len(axes) == 1:
            places = Places(axes[0], reason, node)
            table.places[node] = places if alone else [None, places]
        else:  # the place counts through all of them
            for axis in axes:
                axis.fix(reason)
    return reduction(node, table)


def counting(node: fx.Node, table: AxisTable) -> Axes:
    """Count from 0: each number is the place that it has itself."""
    given, reason = arguments(node), "it counts positions"
    from_0 = given.get("start", 0) == 0 and given.get("step", 1) == 1
    (axis,) = new_axes(node, "" if from_0 else reason)
    table.places[node] = Places(axis, reason, node)
    return (axis,)


def histogram(node: fx.Node, table: AxisTable) -> Any:
    """Count how often each place of an axis is named, in whatever order."""
    places, size, given = table.places_in(node.args[0]), sizes(node), arguments(node)
    every = given.get("min", 0) == 0 and given.get("max", size[0] - 1) == size[0] - 1
    if places is None or size != (places.axis.size,) or not every or given.get("weights"):
        raise UnknownFormError
    return (places.axis,)


def one_hot(node: fx.Node, table: AxisTable) -> Any:
    """Give each place a position of its own along a new axis."""
    places, size = table.places_in(node.args[0]), sizes(node)[-1]
    if places is None or places.axis.size != size:
        table.fix_places(node.args[0])
        last = Axis(size, "it tells the values of integers apart")
    else:
        last = places.axis
    return (*table.of(node.args[0]), last)


def running_sum(node: fx.Node, table: AxisTable) -> Any:
    """Add units up along an axis; of how many rows each expert has, this tells where they end."""
    counts = operation(_uncast(node.args[0])) in COUNTS
    if counts and node.users and all(map(_ends_rows, node.users)):
        return new_axes(node, "it tells where the rows of each unit end")
    return ordered(node, table)


def _ends_rows(user: fx.Node) -> bool:
    if operation(user) in CASTS:
        return all(map(_ends_rows, user.users))
    return operation(user) in GROUPED


def _uncast(value: Any) -> fx.Node:
    while operation(value) in CASTS:
        value = value.args[0]
    found: fx.Node = value
    return found


def grouped_product(node: fx.Node, table: AxisTable) -> Axes:
    """Contract rows, sorted by expert, each with the matrix of its own expert."""
    x, weight, given = table.of(node.args[0]), table.of(node.args[1]), arguments(node)
    if len(x) != 2 or len(weight) != 3 or given.get("bias") is not None:
        raise UnknownFormError
    unify(x[1], weight[1])
    rows, counted = x[0].find(), _counted(given["offs"], table)
    if rows in table.orders and counted and table.orders[rows] is counted.source:
        unify(rows.parts[0], weight[0])
    else:
        for axis in (rows, weight[0]):
            axis.fix("which rows go to which expert depends on their order")
    table.hidden.append((rows, *weight[1:]))
    return (rows, weight[2])


def _counted(ends: Any, table: AxisTable) -> Places | None:
    """Return whose places were counted for where the rows of each expert end."""
    total = _uncast(ends)
    counts = _uncast(total.args[0]) if operation(total) == "cumsum" else total
    return table.places_in(counts.args[0]) if operation(counts) in COUNTS else None
