"""What is learnt of axes: which carry the same units, and so move together, and which cannot move.

``unify`` records that two axes carry the same units; whatever structure the two have is refined
until it is common to both.  Where that is impossible both are fixed, which is always sound: the
identity keeps every function.
"""

from __future__ import annotations

from lmctool.symmetry.axis import Axis, composite, concat, interleaving, product

CUT_APART = "it is split at places that don't fit together"


def unify(first: Axis, second: Axis) -> None:
    """Record that two axes carry the same units, in the same order."""
    a, b = first.find(), second.find()
    if a is b or a.blank or b.blank:
        return
    if a.size != b.size:
        _fix_both(a, b, "it meets an axis of another size")
    elif "sorted" in (a.kind, b.kind):
        _fix_both(a, b, "it meets rows in an order that data decide")
    elif "atom" in (a.kind, b.kind):
        atom, other = (b, a) if b.kind == "atom" else (a, b)
        if any(leaf is atom for leaf in other.leaves()):
            _fix_both(a, b, "it would have to be a part of itself")
        else:
            atom.become(_solid(other))  # the atom has units all along, where the other may not
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
    if axis.kind in ("atom", "sorted") or not _has_blank(axis):
        return axis
    parts = tuple(Axis(p.size) if p.find().blank else _solid(p.find()) for p in axis.parts)
    return composite(axis.kind, parts)


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
        if missing:  # the cut is inside of a part
            pieces_of_next = cut(rest[0], missing)
            if pieces_of_next is None:
                return None
            before.append(pieces_of_next[0])
            rest[0] = pieces_of_next[1]
        return concat(tuple(before)), concat(tuple(rest))
    if root.kind == "interleaving":
        return _cut_each(root, size)
    if root.kind == "sorted":
        return None
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
        _level(root)  # a turn is the inner factor then, with one set of units for all parts
    if root.kind in ("concat", "sorted") or root.size % outer:
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
    piece = Axis(size, atom.reason, blank=atom.blank)
    piece.mixed = atom.mixed
    return piece


def _fix_both(a: Axis, b: Axis, reason: str) -> None:
    a.fix(reason)
    b.fix(reason)
