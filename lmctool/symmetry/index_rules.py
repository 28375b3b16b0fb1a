"""Rules of operations that look units up by index, or write over some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import aten
from lmctool.symmetry.axis import Axis, concat
from lmctool.symmetry.axis_table import Axes, AxisTable, sizes, with_silent_values
from lmctool.symmetry.unification import cut, meet

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


def indexing(node: fx.Node, table: AxisTable) -> Axes:
    """Take units of one or more neighbouring axes by an index; the others pass on."""
    x = table.of(node.args[0])
    if node.target is aten.index.Tensor:
        indices: Sequence[fx.Node | None] = node.args[1]  # type: ignore[assignment]
    else:  # index_select(x, dim, index)
        indices = [None] * (int(node.args[1]) % len(x)) + [node.args[2]]  # type: ignore[arg-type,list-item]
    used = [dim for dim, index in enumerate(indices) if index is not None]
    for dim in used:
        x[dim].fix(LOOKED_UP)
    for index in indices:
        for axis in table.of(index):
            axis.fix("it holds indices")
    # The index's own axes stand in place of those it was used on, or, where these were no
    # neighbours, in front of all others.
    out, rank = sizes(node), len(sizes(node)) - (len(x) - len(used))
    first = used[0] if used == list(range(used[0], used[-1] + 1)) else 0
    others = iter([axis for dim, axis in enumerate(x) if dim not in used])
    return tuple(
        Axis(size, "it holds what an index takes")
        if first <= place < first + rank
        else next(others)
        for place, size in enumerate(out)
    )


def embedding(node: fx.Node, table: AxisTable) -> Axes:
    """Look rows of a table up."""
    weight, index = table.of(node.args[0]), table.of(node.args[1])
    weight[0].fix(LOOKED_UP)
    return (*index, *weight[1:])


def embedding_bag(node: fx.Node, table: AxisTable) -> Any:
    """Look rows of a table up, and reduce those of each bag to one, unit by unit."""
    weight = table.of(node.args[0])
    weight[0].fix(LOOKED_UP)
    for operand in node.all_input_nodes[1:]:
        for axis in table.of(operand):
            axis.fix("it lies in bags")
    return with_silent_values(node, (Axis(sizes(node)[0], "it is a bag"), weight[1]))
