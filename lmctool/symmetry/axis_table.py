"""The table of the axes of a graph's values, which rules fill while they go over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from lmctool.graph.sizes import size_of
from lmctool.symmetry.axis import Axis
from lmctool.symmetry.unification import unify


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """An axis whose units depend on which piece of another axis of the value they belong to.

    In ``qkv.reshape(..., 3, heads, d)`` the axes ``heads`` and ``d`` have three members each: one
    for queries, one for keys, one for values.

    Attributes:
        selector: the axis whose pieces tell the members apart.
        starts: where each piece starts on it.
        members: the axis within each piece.
    """

    selector: Axis
    starts: tuple[int, ...]
    members: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """The number of units, the same in each piece."""
        return self.members[0].size

    def settle(self) -> Axis:
        """Return one axis: the same units in every piece from here on."""
        for member in self.members[1:]:
            unify(self.members[0], member)
        return self.members[0]

    def has_piece(self, unit: int) -> bool:
        """Tell whether a unit of the selector is a piece of its own."""
        return {unit, unit + 1} <= {*self.starts, self.selector.size}

    def within(self, begin: int, end: int) -> Axis | None:
        """Return the axis of the one piece that holds a range of the selector, if one does."""
        bounds = (*self.starts, self.selector.size)
        for member, start, stop in zip(self.members, bounds, bounds[1:], strict=True):
            if start <= begin and end <= stop:
                return member
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """What is known of a value whose numbers are places on an axis: which units are the greatest.

    When the units of the axis move, so do the places, and the numbers are others.

    Attributes:
        axis: the axis.
        reason: why the axis cannot move where the numbers are read as numbers.
        source: the node whose value has the same numbers, in some order.
    """

    axis: Axis
    reason: str
    source: fx.Node


Axes = tuple[Axis, ...]
TensorAxes = dict[str, Axes]
"""The axes of a model's tensors, by name."""
Raw = tuple[Axis | Family, ...]


@dataclass
class AxisTable:
    """The axes of every value met so far.

    Attributes:
        axes: by node; a tuple of axes, or a list of those for a node with several values.
        hidden: axes of values that an operation makes inside itself (scores, statistics).
        view_atoms: the atoms that views made: ``(view, dimension, atom)``.
        view_cuts: where a dimension that a view makes is cut later:
            ``(view, dimension) -> places``.
        group_norms: by node, the axes of what each group normalisation normalises.
        loose: those whose groups don't fit what else cuts their channels.
        places: the nodes whose numbers are places on an axis; a list for one of several values.
        orders: the value that tells in which order the rows of a sorted axis are.
    """

    axes: dict[fx.Node, Any] = field(default_factory=dict)
    hidden: list[Axes] = field(default_factory=list)
    view_atoms: list[tuple[fx.Node, int, Axis]] = field(default_factory=list)
    view_cuts: dict[tuple[fx.Node, int], frozenset[int]] = field(default_factory=dict)
    group_norms: dict[fx.Node, Axes] = field(default_factory=dict)
    loose: frozenset[fx.Node] = frozenset()
    places: dict[fx.Node, Places | list[Places | None]] = field(default_factory=dict)
    orders: dict[Axis, fx.Node] = field(default_factory=dict)

    def raw(self, value: object) -> Raw:
        """Return the axes of an operand, families as they are; none for a number."""
        axes = self.axes.get(value, ()) if isinstance(value, fx.Node) else ()
        return axes if isinstance(axes, tuple) else ()

    def of(self, value: object) -> Axes:
        """Return the axes of an operand, each family settled; none for a number."""
        return tuple(
            axis.settle() if isinstance(axis, Family) else axis for axis in self.raw(value)
        )

    def places_in(self, value: object) -> Places | None:
        """Return what axis the numbers of an operand are places on, if they are."""
        places = self.places.get(value) if isinstance(value, fx.Node) else None
        return places if isinstance(places, Places) else None

    def fix_places(self, value: object) -> None:
        """Fix the axis that the numbers of an operand are places on: they are read as numbers."""
        if places := self.places_in(value):
            places.axis.fix(places.reason)

    def cut(self, axis: Axis, *places: int) -> None:
        """Note that an axis is cut, for the view that made it: the next pass cuts it there."""
        root = axis.find()
        inside = {place for place in places if 0 < place < axis.size}
        for node, dim, atom in self.view_atoms:
            if atom.find() is root:
                self.view_cuts[node, dim] = self.view_cuts.get((node, dim), frozenset()) | inside

    def values(self) -> Iterator[Axes]:
        """Give the axes of every value: stored, computed, and hidden inside operations."""
        for value in self.axes.values():
            for axes in each_value(value):
                # A family is left out: what reads it resolves it, or settles it.
                yield tuple(axis for axis in axes if isinstance(axis, Axis))
        yield from self.hidden


Rule = Callable[[fx.Node, AxisTable], Any]
"""Takes a node and the table; relates axes, and returns those of the node's value, or a list of
those where it has several.  What it raises is a bug in it, but for an UnknownFormError."""


class UnknownFormError(Exception):
    """An operation has a form that its rule was not written for."""


def new_axes(node: fx.Node, reason: str = "", *, blank: bool = False) -> Any:
    """Return new atoms for the axes of a node's value, or of each of its values."""

    def made(value: object) -> Any:
        if isinstance(value, list | tuple):
            return [made(part) for part in value]
        return tuple(Axis(size, reason, blank=blank) for size in shape(value))

    return made(node.meta.get("val"))


def each_value(axes: Any) -> Iterator[Raw]:
    """Give the axes of each value of a node, also where they lie in lists within lists."""
    if isinstance(axes, list):
        for part in axes:
            yield from each_value(part)
    else:
        yield axes


def told_apart(node: fx.Node, reason: str) -> Axes:
    """Return new atoms for the axes of a tensor, whose units something tells apart, if it does."""
    axes: Axes = new_axes(node)
    for axis in axes:
        axis.tell_apart(reason)
    return axes


def sizes(node: fx.Node) -> tuple[int, ...]:
    """Return the sizes of a node's value, the first where it has several."""
    value = node.meta.get("val")
    return shape(value[0] if isinstance(value, list | tuple) else value)


def shape(value: object) -> tuple[int, ...]:
    """Return the sizes of a tensor; one that varies with the batch is a prime like no other."""
    if not isinstance(value, torch.Tensor):
        return ()
    return tuple(size_of(size) for size in value.shape)


def for_each_member(rule: Callable[[Axes], Axes], raw: Raw) -> Raw:
    """Apply a rule under each index of the families among the axes, and join what it returns."""
    families = [axis for axis in raw if isinstance(axis, Family)]
    if not families:
        return rule(tuple(axis for axis in raw if isinstance(axis, Axis)))
    if any(family.selector is not families[0].selector for family in families):
        # under two selectors there would be a member for each pair of their pieces
        return rule(tuple(a.settle() if isinstance(a, Family) else a for a in raw))
    each = [
        rule(tuple(axis.members[index] if isinstance(axis, Family) else axis for axis in raw))
        for index in range(len(families[0].members))
    ]
    return tuple(
        members[0]
        if all(same_units(members[0], member) for member in members)
        else Family(families[0].selector, families[0].starts, members)
        for members in zip(*each, strict=True)
    )


def same_units(first: Axis, second: Axis) -> bool:
    """Tell whether two axes are known to carry the same units."""
    a, b = first.find(), second.find()
    return a is b or (
        a.kind == b.kind
        and a.kind not in ("atom", "sorted")
        and len(a.parts) == len(b.parts)
        and all(same_units(p, q) for p, q in zip(a.parts, b.parts, strict=True))
    )


def with_silent_values(node: fx.Node, axes: Axes) -> Any:
    """Return the axes of a node's value, or of the first of several; the others tell nothing."""
    value = node.meta.get("val")
    if isinstance(value, list | tuple):
        return [axes, *((),) * (len(value) - 1)]
    return axes


def fix(axes: Sequence[Axis], reason: str) -> None:
    """Let no unit of these axes move."""
    for axis in axes:
        axis.fix(reason)
