"""Axes of values, and what is learnt of them: which must move together, which cannot move.

Every axis of every value in a model's graph is an ``Axis``.  Operations relate axes: the input
axis of a layer is the output axis of the layer before it, a flattened axis is a product of
others, a concatenated one is made of parts.  ``unify`` records that two axes carry the same
units; whatever structure the two have is refined until it is common to both.  Where that is
impossible both are fixed, which is always sound: the identity keeps every function.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator


Kind = Literal["atom", "product", "concat", "interleaving"]
CUT_APART = "it is split at places that don't fit together"


class Axis:
    """One axis: an atom, or one made of others.

    A product has an index that runs over its parts, the last fastest; a concatenation has the
    units of one part after those of another; an interleaving takes one unit of each part in turn.

    Attributes:
        size: the number of its units.
        reason: why no unit of this atom may move; empty while they may.
        blank: whether the value is the same all along this atom, as after an expansion; such an
            axis has no units of its own and meets any other of its size.
    """

    __slots__ = ("_link", "blank", "kind", "parts", "reason", "size")

    def __init__(self, size: int, reason: str = "", *, blank: bool = False) -> None:
        """Make an atom."""
        self.size = size
        self.reason = reason
        self.blank = blank
        self.kind: Kind = "atom"
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


def interleaving(parts: tuple[Axis, ...]) -> Axis:
    """Return the axis that has the first unit of each part, then the second of each, and so on."""
    return _composite("interleaving", parts)


def _composite(kind: Kind, parts: tuple[Axis, ...]) -> Axis:
    flat: list[Axis] = []
    for part in parts:
        root = part.find()
        nested = root.kind == kind != "interleaving"
        flat.extend(root.parts if nested else (root,))
    if len(flat) == 1:
        return flat[0]
    axis = Axis((prod if kind == "product" else sum)(part.size for part in flat))
    if flat:
        axis.kind, axis.parts = kind, tuple(flat)
    return axis


def unify(first: Axis, second: Axis) -> None:
    """Record that two axes carry the same units, in the same order."""
    a, b = first.find(), second.find()
    if a is b or a.blank or b.blank:
        return
    if a.size != b.size:
        _fix_both(a, b, "it meets an axis of another size")
    elif "atom" in (a.kind, b.kind):
        atom, other = (b, a) if b.kind == "atom" else (a, b)
        if any(leaf is atom for leaf in other.leaves()):
            _fix_both(a, b, "it would have to be a part of itself")
        else:
            atom.become(_solid(other))
    elif a.kind == b.kind == "interleaving" and len(a.parts) == len(b.parts):
        for p, q in zip(a.parts, b.parts, strict=True):
            unify(p, q)
    elif "interleaving" in (a.kind, b.kind):
        _level(a if a.kind == "interleaving" else b)
        unify(a, b)
    elif a.kind == b.kind:
        _refine(a, b)
    else:
        flat, joined = (a, b) if a.kind == "product" else (b, a)
        _refine(_spread(flat), joined)


def meet(first: Axis, second: Axis) -> Axis:
    """Unify two axes, and return one that has the units of both where either is blank."""
    if first.find() is second.find() or second.find().blank:
        return first
    if first.find().blank:
        return second
    solid = first if not _has_blank(first) else second
    if _has_blank(solid):
        solid = _solid(solid.find())
    unify(solid, second if solid is first else first)
    return solid


def _has_blank(axis: Axis) -> bool:
    return any(leaf.blank for leaf in axis.leaves())


def _solid(axis: Axis) -> Axis:
    """Return the axis with units of their own in place of blank ones."""
    if axis.kind == "atom" or not _has_blank(axis):
        return axis
    parts = tuple(Axis(p.size) if p.find().blank else _solid(p.find()) for p in axis.parts)
    return _composite(axis.kind, parts)


def _level(axis: Axis) -> None:
    """Make an interleaving a product: all its parts carry the same units."""
    for part in axis.parts[1:]:
        unify(axis.parts[0], part)
    turn = Axis(len(axis.parts), CUT_APART)
    axis.kind, axis.parts = "product", (axis.parts[0], turn)


def _spread(axis: Axis) -> Axis:
    """Write a product as the concatenation of its inner part, once for each outer unit."""
    outer, inner = axis.parts[0], product(axis.parts[1:])
    outer.fix("it is flattened in one place and concatenated in another")
    return concat((inner,) * outer.size)


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
                _fix_both(a, b, CUT_APART)
                return
            (left if long is p else right)[:0] = pieces
            (right if long is p else left)[:0] = (short,)


def cut(axis: Axis, size: int) -> tuple[Axis, Axis] | None:
    """Cut an axis into its first ``size`` units and the rest, or return None if it cannot be."""
    root = axis.find()
    if root.kind == "atom":
        pieces = _like(root, size), _like(root, root.size - size)
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
    if root.kind == "interleaving":
        return _cut_each(root, size)
    outer, inner = root.parts[0], product(root.parts[1:])
    if size % inner.size:
        return None
    halves = cut(outer, size // inner.size)
    return None if halves is None else (product((halves[0], inner)), product((halves[1], inner)))


def segment(axis: Axis, begin: int, size: int) -> Axis | None:
    """Return consecutive units of an axis, or None if it cannot be cut at both ends."""
    head = cut(axis, begin) if begin else (None, axis)
    if head is None or head[1].size == size:
        return head and head[1]
    tail = cut(head[1], size)
    return tail and tail[0]


def _cut_each(root: Axis, size: int) -> tuple[Axis, Axis] | None:
    """Cut every part of an interleaving at the same place."""
    if size % len(root.parts):
        return None
    halves = [cut(part, size // len(root.parts)) for part in root.parts]
    pieces = [half for half in halves if half is not None]
    if len(pieces) < len(halves):
        return None
    first, second = zip(*pieces, strict=True)
    return interleaving(first), interleaving(second)


def factor(axis: Axis, outer: int) -> tuple[Axis, Axis] | None:
    """Write an axis as a product whose outer factor has a size, or return None if it cannot be."""
    root = axis.find()
    if root.kind == "interleaving":
        _level(root)
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
    pieces = _like(root, outer), _like(root, root.size // outer)
    root.become(product(pieces))
    return pieces


def _like(atom: Axis, size: int) -> Axis:
    return Axis(size, atom.reason, blank=atom.blank)


def _fix_both(a: Axis, b: Axis, reason: str) -> None:
    a.fix(reason)
    b.fix(reason)
