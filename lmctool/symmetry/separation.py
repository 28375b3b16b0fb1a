"""Units that lie under others which are told apart: those under each are atoms of their own.

Where every value that holds an atom also holds one whose units cannot move, but are each by
themselves (the groups of a convolution over the input's channels), what lies under one of these
units has nothing to do with what lies under another.  So each gets a copy of the inner atom.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as combinations
from math import prod
from typing import TYPE_CHECKING

from lmctool.symmetry.axis import Axis, composite, concat, interleaving, product
from lmctool.symmetry.inner_groups import InnerGroups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.symmetry.axis_table import TensorAxes

MOST = 64
"""Under more units than these the inner ones stay alike."""
Place = dict[Axis, int]
"""A unit of each of some atoms that are told apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """An axis that has other units in each of the equal blocks of another axis of the value.

    Attributes:
        axis: the position of that other axis.
        length: how many units of it are a block.
        parts: the axis within each block.
    """

    axis: int
    length: int
    parts: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """The number of units in a block."""
        return self.parts[0].size

    def leaves(self) -> Iterator[Axis]:
        """Give the atoms of the axis in all blocks."""
        for part in self.parts:
            yield from part.leaves()


class Separation:
    """Rewrites axes so that atoms under others that are told apart are each by themselves.

    Attributes:
        holders: for each atom that is rewritten, the atoms that it lies under.
    """

    def __init__(self, nested: InnerGroups, tensors: TensorAxes) -> None:
        """Find the atoms whose copies have forms in every tensor that holds them."""
        self.holders: dict[Axis, tuple[Axis, ...]] = {}
        self._nested = nested
        self._copies: dict[tuple[Axis, tuple[int, ...]], Axis] = {}
        self._failed: set[Axis] = set()
        crowded = _crowded(nested)
        while True:
            self._hold(crowded, tensors)
            alike = {each for each in crowded if not self._separates(each)}
            if not alike:
                break
            crowded -= alike
        for atom in crowded:
            atom.tell_apart("groups nest one level deep, and two lie under it")

    def _hold(self, crowded: set[Axis], tensors: TensorAxes) -> None:
        """Find what lies under atoms that are told apart or crowded, and has forms there."""
        self.holders = {}
        for atom, companions in self._nested.companions.items():
            apart = tuple(c for c in companions if (c.reason or c in crowded) and c.size > 1)
            if apart and prod(c.size for c in apart) <= MOST:
                self.holders[atom] = apart
        while self.holders:
            self._failed = set()
            for axes in tensors.values():
                self(axes)
            if not self._failed:
                break
            wholes = [set(self._nested.chain(atom)) for atom in self._nested.companions]
            for atom in set().union(*(whole for whole in wholes if whole & self._failed)):
                self.holders.pop(atom, None)

    def _separates(self, holder: Axis) -> bool:
        """Tell whether all that lies under an atom has a copy under each of its units."""
        under = (a for a, companions in self._nested.companions.items() if holder in companions)
        return all(holder in self.holders.get(atom, ()) for atom in under)

    def nested(self) -> InnerGroups:
        """Return how atoms lie inside each other, copies in place of what was copied."""
        companions: dict[Axis, frozenset[Axis]] = {}
        successor: dict[Axis, Axis] = {}
        for atom, others in self._nested.companions.items():
            for place in self._places(self.holders.get(atom, ())):
                copy = self._copy(atom, place)
                mine = {self._copy(o, place) for o in others if self._determined(o, place)}
                companions[copy] = frozenset(mine)
                after = self._nested.successor.get(atom)
                if after is not None and self._determined(after, place):
                    successor[copy] = self._copy(after, place)
        return InnerGroups(companions, successor)

    def __call__(self, axes: tuple[Axis, ...]) -> tuple[Axis | Blocks, ...]:
        """Return the axes of a value with copies in place of what was copied."""
        if not self.holders:
            return axes
        return tuple(self._in_blocks(axes, position) for position in range(len(axes)))

    def _in_blocks(self, axes: tuple[Axis, ...], position: int) -> Axis | Blocks:
        """Rewrite an axis, block by block of another one where that holds what it lies under."""
        axis = axes[position]
        missing = self._missing(axis)
        for other, each in enumerate(axes) if missing else ():
            front = _front(each, missing) if other != position else ()
            if front:
                rest = [a for at, a in enumerate(axes) if at not in (position, other)]
                self._failed |= self._nest(axis, rest)  # no form has blocks of two axes
                parts = tuple(self._rewritten(axis, place) for place in self._places(front))
                return Blocks(other, each.size // len(parts), parts)
        return self._rewritten(axis, {})

    def _nest(self, axis: Axis, others: list[Axis]) -> set[Axis]:
        """Return the atoms of an axis that lie under some of other axes, and these."""
        outer = {leaf for other in others for leaf in other.leaves() if leaf.moves}
        under = {leaf: outer & self._nested.companions.get(leaf, set()) for leaf in axis.leaves()}
        return {atom for leaf, above in under.items() if above for atom in (leaf, *above)}

    def _missing(self, axis: Axis) -> set[Axis]:
        """Return what atoms of an axis lie under that isn't on the axis itself."""
        held = {holder for leaf in axis.leaves() for holder in self.holders.get(leaf, ())}
        return held - {*axis.leaves()}

    def _rewritten(self, axis: Axis, place: Place) -> Axis:
        root = axis.find()
        if root.kind == "product":
            return self._product(root.factors(), place)
        if root.kind != "atom":
            return composite(root.kind, tuple(self._rewritten(p, place) for p in root.parts))
        if not self._determined(root, place):
            self._failed.add(root)
            return root
        return self._copy(root, place)

    def _product(self, parts: list[Axis], place: Place) -> Axis:
        """Rewrite a product: as a concatenation from a part on that tells those after it apart."""
        for at, part in enumerate(parts):
            before, after = parts[:at], parts[at + 1 :]
            places = [place | each for each in self._places((part,))]
            if any(self._lies_under(other, part) for other in after):
                pieces = tuple(self._product(after, each) for each in places)
                return product((self._product(before, place), concat(pieces)))
            start = next((i for i, o in enumerate(before) if self._lies_under(o, part)), None)
            if start is not None and part not in place:
                turns = tuple(self._product(before[start:], each) for each in places)
                rest = self._product(after, place), self._product(before[:start], place)
                return product((rest[1], interleaving(turns), rest[0]))
        return product(tuple(self._rewritten(part, place) for part in parts))

    def _lies_under(self, axis: Axis, holder: Axis) -> bool:
        return any(holder in self.holders.get(leaf, ()) for leaf in axis.leaves())

    def _determined(self, atom: Axis, place: Place) -> bool:
        """Tell whether a place says which copy of an atom is meant."""
        return all(holder in place for holder in self.holders.get(atom, ()))

    def _copy(self, atom: Axis, place: Place) -> Axis:
        holders = self.holders.get(atom, ())
        if not holders:
            return atom
        key = atom, tuple(place[holder] for holder in holders)
        return self._copies.setdefault(key, Axis(atom.size))

    def _places(self, holders: tuple[Axis, ...]) -> Iterator[Place]:
        """Give every unit of some atoms, the last fastest."""
        for units in combinations(*(range(holder.size) for holder in holders)):
            yield dict(zip(holders, units, strict=True))


def _front(axis: Axis, wanted: set[Axis]) -> tuple[Axis, ...]:
    """Return the first parts of an axis, up to the last wanted one; nothing if one is no atom."""
    front: list[Axis] = []
    for part in axis.factors():
        if wanted <= {*front} or not (part.reason or part in wanted):
            break
        front.append(part)
    return tuple(front) if wanted <= {*front} else ()


def _crowded(nested: InnerGroups) -> set[Axis]:
    """Return outermost atoms that have atoms under them with others under these in turn."""
    companions = nested.companions
    inside = {*nested.successor, *nested.successor.values()}
    free = {atom: {c for c in companions[atom] if c.moves} for atom in companions}
    return {
        outer
        for atom, others in free.items()
        for middle in others
        for outer in free[middle] & others
        if not free[outer] and outer not in inside
    }
