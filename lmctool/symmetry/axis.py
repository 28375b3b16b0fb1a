"""Axes of values: atoms, and what is made of them.

Every axis of every value in a model's graph is an ``Axis``.  Operations relate axes: the input
axis of a layer is the output axis of the layer before it, a flattened axis is a product of
others, a concatenated one is made of parts.  ``unification`` records which are the same.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator


Kind = Literal["atom", "product", "concat", "interleaving", "sorted"]


class Axis:
    """One axis: an atom, or one made of others.

    A product has an index that runs over its parts, the last fastest; a concatenation has the
    units of one part after those of another; an interleaving takes one unit of each part in turn.
    A sorted axis has rows that belong to units of its one part each, in the order of these.

    Attributes:
        size: the number of its units.
        reason: why no unit of this atom may move; empty while they may.
        mixed: whether an operation may have related units of this atom to each other; of an atom
            that is merely told apart by what lies along it, each unit is still by itself.
        blank: whether the value is the same all along this atom, as after an expansion; such an
            axis has no units of its own and meets any other of its size.
    """

    __slots__ = ("_link", "blank", "kind", "mixed", "parts", "reason", "size")

    def __init__(self, size: int, reason: str = "", *, blank: bool = False) -> None:
        """Make an atom."""
        self.size = size
        self.reason = reason
        self.mixed = bool(reason)
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

    @property
    def moves(self) -> bool:
        """Whether units of this atom may move."""
        return not self.reason and not self.blank and self.size > 1

    def factors(self) -> list[Axis]:
        """Return the parts of a product, and of products within it; of another axis that axis."""
        root = self.find()
        if root.kind != "product":
            return [root]
        return [factor for part in root.parts for factor in part.factors()]

    def fix(self, reason: str) -> None:
        """Let no unit of the axis move, which an operation mixes; the first reason stays."""
        self.tell_apart(reason)
        for leaf in self.leaves():
            leaf.mixed = True

    def tell_apart(self, reason: str) -> None:
        """Let no unit of the axis move, each of which stays by itself; the first reason stays."""
        for leaf in self.leaves():
            leaf.reason = leaf.reason or reason

    def become(self, other: Axis) -> None:
        """Make an atom stand for another axis, which takes over why it was fixed."""
        if self.reason:
            (other.fix if self.mixed else other.tell_apart)(self.reason)
        self._link = other


def product(parts: tuple[Axis, ...]) -> Axis:
    """Return the axis whose index runs over all parts, the last fastest."""
    return composite("product", tuple(part for part in parts if part.size != 1))


def concat(parts: tuple[Axis, ...]) -> Axis:
    """Return the axis that has the units of the first part, then of the second, and so on."""
    return composite("concat", tuple(part for part in parts if part.size != 0))


def interleaving(parts: tuple[Axis, ...]) -> Axis:
    """Return the axis that has the first unit of each part, then the second of each, and so on."""
    return composite("interleaving", parts)


def composite(kind: Kind, parts: tuple[Axis, ...]) -> Axis:
    """Return an axis made of parts; of one part it is that part."""
    flat: list[Axis] = []
    for part in parts:
        root = part.find()
        nested = root.kind == kind != "interleaving"  # turns of turns are another order
        flat.extend(root.parts if nested else (root,))
    if len(flat) == 1:
        return flat[0]
    axis = Axis((prod if kind == "product" else sum)(part.size for part in flat))
    if flat:
        axis.kind, axis.parts = kind, tuple(flat)
    return axis


def sorted_rows(part: Axis, size: int) -> Axis:
    """Return an axis of so many rows, sorted by the unit of an axis that each belongs to.

    Data decide which rows there are of each unit, and so how they move when the units do.
    """
    axis = Axis(size)
    axis.kind, axis.parts = "sorted", (part,)
    return axis
