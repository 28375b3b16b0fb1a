"""Rules of operations that take an axis apart, or put axes together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.symmetry.axis import Axis, concat
from lmctool.symmetry.axis_table import Axes, AxisTable, Family, Raw, shape, sizes
from lmctool.symmetry.unification import cut, meet, segment, unify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx

PARTIAL = "only some of its units are taken"


def getitem(node: fx.Node, table: AxisTable) -> Any:
    """Pick one of several values."""
    source: Any = node.args[0]
    place: Any = node.args[1]
    several = table.places.get(source)
    if isinstance(several, list) and (places := several[place]):
        table.places[node] = places
    return table.axes[source][place]


def selection(node: fx.Node, table: AxisTable) -> Raw:
    """Drop an axis, of which one unit is taken."""
    dim, index = int(node.args[1]), node.args[2]  # type: ignore[arg-type]
    return _pick(table, table.raw(node.args[0]), dim, index)


def unbinding(node: fx.Node, table: AxisTable) -> list[Raw]:
    """Take every unit of an axis by itself."""
    x = table.raw(node.args[0])
    dim = int(node.args[1]) if len(node.args) > 1 else 0  # type: ignore[arg-type]
    return [_pick(table, x, dim, index) for index in range(x[dim].size)]


def _pick(table: AxisTable, x: Raw, dim: int, index: object) -> Raw:
    dim %= len(x)
    axis = x[dim]
    if isinstance(axis, Family):
        x = tuple(a.settle() if isinstance(a, Family) else a for a in x)
        axis = x[dim]
        assert isinstance(axis, Axis)
    rest = (*x[:dim], *x[dim + 1 :])
    if axis.size == 1:
        return rest
    if not isinstance(index, int):
        axis.fix(PARTIAL)
        return rest
    begin = index % axis.size
    table.cut(axis, begin, begin + 1)
    families = [a for a in rest if isinstance(a, Family) and a.selector is axis]
    if not any(family.has_piece(begin) for family in families):
        axis.fix(PARTIAL)
    return _resolved(rest, axis, begin, begin + 1)


def _resolved(x: Raw, selector: Axis, begin: int, end: int) -> Raw:
    """Give each family of a selector the member of the piece that holds a range."""
    return tuple(
        axis.within(begin, end) or axis.settle()
        if isinstance(axis, Family) and axis.selector is selector
        else axis
        for axis in x
    )


def slicing(node: fx.Node, table: AxisTable) -> Raw:
    """Cut an axis where a slice starts and ends; a slice with steps fixes it."""
    x = table.raw(node.args[0])
    defaults = (None, 0, 0, None, 1)
    arguments: list[Any] = [*node.args, *defaults[len(node.args) :]]
    dim, start, step = int(arguments[1]) % len(x), arguments[2] or 0, arguments[4]
    size = sizes(node)[dim]
    begin = start % x[dim].size if isinstance(start, int) and start < 0 else start
    if size == x[dim].size and step == 1:
        return x
    if step == 1 and isinstance(begin, int):
        return _piece(table, x, dim, begin, size)
    return _partly(table, x, dim, size)


def splitting(node: fx.Node, table: AxisTable) -> list[Raw]:
    """Cut an axis into consecutive pieces."""
    x = table.raw(node.args[0])
    argument = node.args[2] if len(node.args) > 2 else node.kwargs.get("dim", 0)
    dim = int(argument) % len(x)  # type: ignore[arg-type]
    pieces: list[Raw] = []
    begin = 0
    for value in node.meta["val"]:
        size = shape(value)[dim]
        pieces.append(_piece(table, x, dim, begin, size))
        begin += size
    return pieces


def _piece(table: AxisTable, x: Raw, dim: int, begin: int, size: int) -> Raw:
    axis = x[dim]
    if isinstance(axis, Family):
        members = [segment(member, begin, size) for member in axis.members]
        if all(member is not None for member in members):
            family = Family(axis.selector, axis.starts, tuple(m for m in members if m is not None))
            return (*x[:dim], family, *x[dim + 1 :])
        return _partly(table, x, dim, size)
    table.cut(axis, begin, begin + size)
    piece = segment(axis, begin, size)
    if piece is None:
        return _partly(table, x, dim, size)
    return _resolved((*x[:dim], piece, *x[dim + 1 :]), axis, begin, begin + size)


def _partly(table: AxisTable, x: Raw, dim: int, size: int) -> Raw:
    settled = [axis.settle() if isinstance(axis, Family) else axis for axis in x]
    settled[dim].fix(PARTIAL)
    settled[dim] = Axis(size, PARTIAL)
    return tuple(settled)


def padding(node: fx.Node, table: AxisTable) -> Axes:
    """Lay constants around an axis; they have no units, so that what meets them may move."""
    x = list(table.of(node.args[0]))
    mode = node.args[2] if len(node.args) > 2 else "constant"
    pads: Sequence[int] = node.args[1]  # type: ignore[assignment]
    constant = mode == "constant" or not isinstance(mode, str)
    for step in range(len(pads) // 2):
        before, after = pads[2 * step], pads[2 * step + 1]
        axis = x[-1 - step]
        if before == after == 0:
            continue
        if constant and min(before, after) >= 0:
            parts = (Axis(before, blank=True), axis, Axis(after, blank=True))
            x[-1 - step] = concat(parts)
        else:
            axis.fix("it is padded with its own units")
            x[-1 - step] = Axis(sizes(node)[-1 - step], "it is padded with units of its own")
    return tuple(x)


def concatenation(node: fx.Node, table: AxisTable) -> Axes:
    """Lay axes one after the other, and tie all others."""
    operands: Sequence[fx.Node] = node.args[0]  # type: ignore[assignment]
    argument = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    parts = [axes for operand in operands if (axes := table.of(operand))]
    rank = len(sizes(node))
    parts = [axes for axes in parts if len(axes) == rank]  # an empty operand has one axis
    position = int(argument) % rank  # type: ignore[arg-type]
    tied = tie_all(parts, position)
    joined = concat(tuple(part[position] for part in parts))
    return (*tied[:position], joined, *tied[position + 1 :])


def stacking(node: fx.Node, table: AxisTable) -> Axes:
    """Lay values beside each other along a new axis."""
    operands: Sequence[fx.Node] = node.args[0]  # type: ignore[assignment]
    argument = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    parts = [table.of(operand) for operand in operands]
    position = int(argument) % (len(parts[0]) + 1)  # type: ignore[arg-type]
    tied = tie_all(parts, -1)
    reason = "its units come from different values"
    return (*tied[:position], Axis(len(parts), reason), *tied[position:])


def tie_all(parts: Sequence[Axes], skipped: int) -> list[Axis]:
    """Unify the axes of several values one by one, but for one; returns those with units."""
    tied = list(parts[0])
    for other in parts[1:]:
        for place, axis in enumerate(other):
            if place != skipped:
                tied[place] = meet(tied[place], axis)
    return tied


def gating(node: fx.Node, table: AxisTable) -> Axes:
    """Gate one half of an axis by the other: their units go together."""
    x = list(table.of(node.args[0]))
    dim = int(node.args[1]) % len(x) if len(node.args) > 1 else len(x) - 1  # type: ignore[arg-type]
    halves = cut(x[dim], x[dim].size // 2)
    if halves is None:
        x[dim].fix(PARTIAL)
        x[dim] = Axis(x[dim].size // 2, PARTIAL)
        return tuple(x)
    unify(*halves)
    x[dim] = halves[0]
    return tuple(x)
