"""The rule of views, which flatten axes, cut them and give them other sizes."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from lmctool.symmetry.axis import Axis, concat, interleaving, product
from lmctool.symmetry.axis_table import Axes, AxisTable, Family, Raw, for_each_member, sizes
from lmctool.symmetry.unification import segment, unify

if TYPE_CHECKING:
    from torch import fx

MOST = 64
"""A dimension cut into more pieces than this is a sequence, whose pieces stay alike."""


def view(node: fx.Node, table: AxisTable) -> Raw:
    """Match axes of one size, and products of axes with the axes they become."""
    new: list[Axis | Family] = []
    for inside, outside in _runs(table.raw(node.args[0]), sizes(node)):
        wide = [axis for axis in inside if axis.size != 1]
        if len(wide) == 1 and wide[0].size in outside:  # the others come or go with one unit each
            new.extend(wide[0] if size != 1 else Axis(1) for size in outside)
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
