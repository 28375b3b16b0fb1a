"""Axes of values, and what is learnt of them: which must move together, which cannot move.

Every axis of every value in a model's graph is an ``Axis``.  Operations relate axes: the input
axis of a layer is the output axis of the layer before it, a flattened axis is a product of
others, a concatenated one is made of parts.  ``unify`` records that two axes carry the same
units; whatever structure the two have is refined until it is common to both.  Where that is
impossible both are fixed, which is always sound: the identity keeps every function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

ANY = -1
"""The size of an axis that isn't known before the model runs, such as the batch."""


class Axis:
    """One axis: an atom, a product of axes from outer to inner, or a concatenation of axes.

    Attributes:
        size: the number of its units.
        reason: why no unit of this atom may move; empty while they may.
    """

    __slots__ = ("_link", "kind", "parts", "reason", "size")

    def __init__(self, size: int, reason: str = "") -> None:
        """Make an atom."""
        self.size = size
        self.reason = reason
        self.kind: Literal["atom", "product", "concat"] = "atom"
        self.parts: tuple[Axis, ...] = ()
        self._link: Axis | None = None

    def find(self) -> Axis:
        """Return the axis that stands for this one and all that were unified with it."""
        axis = self
        while axis._link is not None:
            axis = axis._link
        return axis

    def leaves(self) -> Iterator[Axis]:
        """Give the atoms of the axis."""
        axis = self.find()
        if axis.kind == "atom":
            yield axis
        for part in axis.parts:
            yield from part.leaves()

    def fix(self, reason: str) -> None:
        """Let no unit of the axis move; the first reason stays."""
        for leaf in self.leaves():
            leaf.reason = leaf.reason or reason

    def become(self, other: Axis) -> None:
        """Make an atom stand for another axis, which takes over why it was fixed."""
        if self.reason:
            other.fix(self.reason)
        self._link = other


def product(parts: tuple[Axis, ...]) -> Axis:
    """Return the axis whose index runs over all parts, the last fastest."""
    return _composite("product", tuple(part for part in parts if part.size != 1))


def concat(parts: tuple[Axis, ...]) -> Axis:
    """Return the axis that has the units of the first part, then of the second, and so on."""
    return _composite("concat", tuple(part for part in parts if part.size != 0))


def _composite(kind: Literal["product", "concat"], parts: tuple[Axis, ...]) -> Axis:
    flat: list[Axis] = []
    for part in parts:
        root = part.find()
        flat.extend(root.parts if root.kind == kind else (root,))
    if len(flat) == 1:
        return flat[0]
    size = 1 if kind == "product" else 0
    for part in flat:
        size = size * part.size if kind == "product" else size + part.size
    axis = Axis(ANY if any(part.size == ANY for part in flat) else size)
    if flat:
        axis.kind, axis.parts = kind, tuple(flat)
    return axis


def unify(first: Axis, second: Axis) -> None:
    """Record that two axes carry the same units, in the same order."""
    a, b = first.find(), second.find()
    if a is b:
        return
    if a.size != b.size or ANY in (a.size, b.size):
        _fix_both(a, b, "its size is only known when the model runs")
    elif "atom" in (a.kind, b.kind):
        atom, other = (b, a) if b.kind == "atom" else (a, b)
        if any(leaf is atom for leaf in other.leaves()):
            _fix_both(a, b, "it would have to be a part of itself")
        else:
            atom.become(other)
    elif a.kind == b.kind:
        _refine(a, b)
    else:
        _fix_both(a, b, "it is flattened in one place and concatenated in another")


def _refine(a: Axis, b: Axis) -> None:
    """Cut two products, or two concatenations, at the cuts of both, and unify the pieces."""
    left, right = list(a.find().parts), list(b.find().parts)
    kind = a.kind
    while left and right:
        p, q = left.pop(0).find(), right.pop(0).find()
        if p.kind == kind or q.kind == kind:  # an earlier piece cut this one
            left[:0] = p.parts if p.kind == kind else (p,)
            right[:0] = q.parts if q.kind == kind else (q,)
        elif p.size == q.size:
            unify(p, q)
        else:
            long, short = (p, q) if p.size > q.size else (q, p)
            pieces = cut(long, short.size) if kind == "concat" else factor(long, short.size)
            if pieces is None:
                _fix_both(a, b, "it is split at places that don't fit together")
                return
            (left if long is p else right)[:0] = pieces
            (right if long is p else left)[:0] = (short,)


def cut(axis: Axis, size: int) -> tuple[Axis, Axis] | None:
    """Cut an axis into its first ``size`` units and the rest, or return None if it cannot be."""
    root = axis.find()
    if root.kind == "atom":
        pieces = Axis(size, root.reason), Axis(root.size - size, root.reason)
        root.become(concat(pieces))
        return pieces
    if root.kind == "concat":
        before: list[Axis] = []
        rest = list(root.parts)
        while rest and sum(part.size for part in before) + rest[0].size <= size:
            before.append(rest.pop(0))
        missing = size - sum(part.size for part in before)
        if missing:
            pieces_of_next = cut(rest[0], missing)
            if pieces_of_next is None:
                return None
            before.append(pieces_of_next[0])
            rest[0] = pieces_of_next[1]
        return concat(tuple(before)), concat(tuple(rest))
    outer, inner = root.parts[0], product(root.parts[1:])
    if size % inner.size:
        return None
    halves = cut(outer, size // inner.size)
    return None if halves is None else (product((halves[0], inner)), product((halves[1], inner)))


def factor(axis: Axis, outer: int) -> tuple[Axis, Axis] | None:
    """Write an axis as a product whose outer factor has a size, or return None if it cannot be."""
    root = axis.find()
    if root.kind == "concat" or root.size % outer:
        return None
    if root.kind == "product":
        first, rest = root.parts[0], product(root.parts[1:])
        if first.size == outer:
            return first, rest
        if outer % first.size == 0:
            inner = factor(rest, outer // first.size)
            return None if inner is None else (product((first, inner[0])), inner[1])
        halves = factor(first, outer)
        return None if halves is None else (halves[0], product((halves[1], rest)))
    pieces = Axis(outer, root.reason), Axis(root.size // outer, root.reason)
    root.become(product(pieces))
    return pieces


def _fix_both(a: Axis, b: Axis, reason: str) -> None:
    a.fix(reason)
    b.fix(reason)
