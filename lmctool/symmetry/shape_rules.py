"""Rules of operations that rename, reorder, repeat or drop axes."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import aten, operation
from lmctool.symmetry.axis import Axis, concat, interleaving, product, segment, unify
from lmctool.symmetry.axis_table import Axes, AxisTable, Family, Raw, for_each_member, sizes

if TYPE_CHECKING:
    from torch import fx

MOST = 64
"""A dimension cut into more pieces than this is a sequence, whose pieces stay alike."""


def identity(node: fx.Node, table: AxisTable) -> Raw:
    """Pass the axes on."""
    return table.raw(node.args[0])


def view(node: fx.Node, table: AxisTable) -> Raw:
    """Match axes of one size, and products of axes with the axes they become."""
    new: list[Axis | Family] = []
    for inside, outside in _runs(table.raw(node.args[0]), sizes(node)):
        if len(inside) == len(outside) == 1:
            new.extend(inside)
            continue
        joined = _joined(inside)
        dims = range(len(new), len(new) + len(outside) - 1)  # those with others inside them
        # What an earlier pass saw cut comes first: it may lie deeper than the seams, which cut
        # the outermost dimension only.  One cut dimension is all that a family can depend on.
        view_cuts = table.view_cuts
        cuts = [(d - len(new), view_cuts[node, d]) for d in dims if (node, d) in view_cuts]
        cuts.append((0, _seams(joined, outside)))
        place, places = next((cut for cut in cuts if cut[1]), (0, frozenset()))
        if 0 < len(places) < MOST:
            new.extend(_cut_run(joined, outside, place, places))
        else:
            new.extend(for_each_member(partial(_atoms, node, table, len(new), outside), joined))
    return tuple(new)


def _atoms(node: fx.Node, table: AxisTable, start: int, outside: list[int], inside: Axes) -> Axes:
    """Make the axes that a run of axes becomes, and note the view for cuts of them."""
    atoms = tuple(map(Axis, outside))
    unify(product(inside), product(atoms))
    table.view_atoms.extend((node, start + place, axis) for place, axis in enumerate(atoms))
    return atoms


def _seams(inside: Raw, outside: list[int]) -> frozenset[int]:
    """Return where the outermost new axis is to be cut: at the seams of a concatenation."""
    root = inside[0].find() if len(inside) == 1 and isinstance(inside[0], Axis) else None
    if root is None or root.kind != "concat" or len(outside) < 2:
        return frozenset()
    inner = root.size // outside[0]
    ends = accumulate(part.size for part in root.parts[:-1])
    # A seam inside a unit of the new axis cuts nothing: ``unify`` fixes both where it matters.
    return frozenset(end // inner for end in ends if end % inner == 0)


def _joined(inside: Raw) -> Raw:
    """Flatten an axis with its families: those after it in pieces, those before it in turns."""
    if len(inside) == 2 and isinstance(inside[0], Family) and inside[0].selector is inside[1]:
        family = inside[0]
        if len(family.members) == family.selector.size:  # else turns would be of several units
            return (interleaving(family.members),)
    for place, selector in enumerate(inside):
        after = inside[place + 1 :]
        families = [axis for axis in after if isinstance(axis, Family)]
        selected = [axis for axis in families if axis.selector is selector]
        # With a family of another selector among them the pieces would have no one content.
        if isinstance(selector, Axis) and selected and len(selected) == len(families):
            bounds = (*selected[0].starts, selector.size)
            pieces = []
            for index, (start, end) in enumerate(pairwise(bounds)):
                members = (a.members[index] if isinstance(a, Family) else a for a in after)
                piece = segment(selector, start, end - start)
                piece = piece or Axis(end - start, "it is cut in two ways")
                pieces.append(product((piece, *members)))
            return (*inside[:place], concat(tuple(pieces)))
    return inside


def _cut_run(inside: Raw, outside: list[int], place: int, places: frozenset[int]) -> Raw:
    """Give the axes inside a dimension that is cut later a member for each of its pieces.

    In ``qkv.view(..., 3, heads, d)`` queries, keys and values so get heads of their own; with one
    axis for all three they would have to move alike.
    """
    outer, size, inner = outside[:place], outside[place], outside[place + 1 :]
    starts = (0, *sorted(places))
    ends = (*starts[1:], size)
    pieces = [Axis(end - start) for start, end in zip(starts, ends, strict=True)]
    each = [tuple(map(Axis, inner)) for _ in starts]
    before = tuple(map(Axis, outer))
    joined = concat(
        tuple(product((piece, *part)) for piece, part in zip(pieces, each, strict=True))
    )
    settled = (axis.settle() if isinstance(axis, Family) else axis for axis in inside)
    unify(product(tuple(settled)), product((*before, joined)))
    selector = concat(tuple(pieces))
    families = (Family(selector, starts, members) for members in zip(*each, strict=True))
    return (*before, selector, *families)


def _runs(old: Raw, shape: tuple[int, ...]) -> list[tuple[Raw, list[int]]]:
    """Cut both lists into the shortest runs that have one number of elements.

    The shortest, so that each axis depends on no more others than it must.  Sizes that vary are
    primes of their own, so a run ends only where it does for every batch.
    """
    left, right = list(old), list(shape)
    runs: list[tuple[Raw, list[int]]] = []
    while left or right:
        inside: list[Axis | Family] = []
        outside: list[int] = []
        before = after = 1
        while (not inside and not outside) or before != after:
            if left and (before <= after or not right):
                inside.append(left.pop(0))
                before *= inside[-1].size
            else:
                outside.append(right.pop(0))
                after *= outside[-1]
        if not left or not right:  # what is left has size 1
            outside, right = outside + right, []
            inside, left = inside + left, []
        runs.append((tuple(inside), outside))
    return runs


def transposition(node: fx.Node, table: AxisTable) -> Raw:
    """Reorder the axes."""
    x = table.raw(node.args[0])
    if node.target is aten.permute.default:
        order = [int(dim) for dim in node.args[1]]  # type: ignore[union-attr,arg-type]
    else:
        order = list(range(len(x)))
        first, second = (int(dim) for dim in node.args[1:3]) if len(node.args) > 1 else (-1, -2)  # type: ignore[arg-type]
        if len(x) > 1:
            order[first], order[second] = order[second], order[first]
    return tuple(x[position] for position in order)


def expansion(node: fx.Node, table: AxisTable) -> Raw:
    """Pass axes on; along what is repeated the value is the same."""
    return _stretched(table.raw(node.args[0]), sizes(node))


def copy(node: fx.Node, table: AxisTable) -> Raw:
    """Write one value over all of another."""
    return _stretched(table.raw(node.args[1]), sizes(node))


def _stretched(x: Raw, shape: tuple[int, ...]) -> Raw:
    padded = (Axis(1),) * (len(shape) - len(x)) + x
    return tuple(
        axis if axis.size == size else Axis(size, blank=True)
        for axis, size in zip(padded, shape, strict=True)
    )


def tiling(node: fx.Node, table: AxisTable) -> Axes:
    """Lay copies of an axis one after the other: the copy is the outer factor."""
    x, shape = table.of(node.args[0]), sizes(node)
    padded = (Axis(1),) * (len(shape) - len(x)) + x
    return tuple(
        product((Axis(size // axis.size, blank=True), axis))
        for axis, size in zip(padded, shape, strict=True)
    )


def repeat_interleave(node: fx.Node, table: AxisTable) -> Axes:
    """Repeat each unit of an axis in place: the copy is the inner factor."""
    x, shape = table.of(node.args[0]), sizes(node)
    return tuple(
        product((axis, Axis(size // axis.size, blank=True)))
        for axis, size in zip(x, shape, strict=True)
    )


def reduction(node: fx.Node, table: AxisTable) -> Any:
    """Drop the reduced axes: a sum doesn't mind the order of what it adds."""
    x, shape = table.of(node.args[0]), sizes(node)
    dropped = _dimensions(node, len(x))
    keeps_rank = len(shape) == len(x)
    left = tuple(
        Axis(1) if position in dropped else axis
        for position, axis in enumerate(x)
        if keeps_rank or position not in dropped
    )
    value = node.meta.get("val")
    return [left] * len(value) if isinstance(value, list | tuple) else left


def _dimensions(node: fx.Node, rank: int) -> set[int]:
    """Return which dimensions a reduction runs over; all where none is named."""
    norms = (
        aten.linalg_vector_norm.default,
        aten.norm.ScalarOpt_dim,
        aten.norm.ScalarOpt_dim_dtype,
    )
    position = 2 if node.target in norms else 1  # their order comes before their dimensions
    named = next((node.kwargs[name] for name in ("dim", "dims") if name in node.kwargs), None)
    dims: Any = node.args[position] if len(node.args) > position else named
    if isinstance(dims, bool) or dims is None:  # as in mean() and std(unbiased)
        return set(range(rank))
    positions = [dims] if isinstance(dims, int) else list(dims) or list(range(rank))
    return {int(dim) % rank for dim in positions} if rank else set()


def softmax(node: fx.Node, table: AxisTable) -> Axes:
    """Pass the axes on; what is divided by holds all of them but one."""
    x = table.of(node.args[0])
    dim = int(node.args[1]) % len(x) if x else 0  # type: ignore[arg-type]
    # The divisors are a value that the graph doesn't show, and that lacks the axis: so no atom
    # on another axis has that one as a companion.
    table.hidden.append((*x[:dim], *x[dim + 1 :]))
    return x


def asks_places(node: fx.Node) -> bool:
    """Tell whether anything reads the second value of a node: the places of what it picked."""
    return any(user.args[1:2] == (1,) and user.users for user in node.users)


def ordered(node: fx.Node, table: AxisTable) -> Any:
    """Fix the axes that an operation runs along in order, and pass the others on."""
    x = table.of(node.args[0])
    name = getattr(node.target, "__name__", str(node.target)).partition(".")[0]
    reason = f"operation {name} runs along it"
    position = 2 if node.target in (aten.roll.default, aten.topk.default) else 1
    named = node.kwargs.get("dim", node.kwargs.get("dims", -1))
    argument: Any = node.args[position] if len(node.args) > position else named
    numbers = [argument] if isinstance(argument, int) else argument
    dims = {int(dim) % max(len(x), 1) for dim in numbers} or set(range(len(x)))
    # Sorted values are the same in whatever order the units came; only their places tell it.
    sorts = operation(node) in ("sort", "topk")
    for dim in dims & set(range(len(x))) if not sorts or asks_places(node) else ():
        x[dim].fix(reason)
    shape = sizes(node)
    out: Axes = tuple(
        Axis(size, reason) if dim in dims else axis
        for dim, (axis, size) in enumerate(zip(x, shape, strict=True))
    )
    value = node.meta.get("val")
    return [out] * len(value) if isinstance(value, list | tuple) else out
