"""Which groups of atoms move as one, and which move by themselves under each unit of another.

An atom may have a permutation of its own under each unit of another atom exactly where every
value that holds the first also holds the second, once: then nothing in the model ever compares
the units of two of them (the units within two attention heads, say).  Where that is so in both
directions, and the two always lie side by side in the model's tensors, they are one atom.  Values
count that an operation makes inside itself, such as attention scores and statistics.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.symmetry.axis import Axis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Counts = Counter[Axis]
"""How often each atom lies on an axis, wherever one looks along it."""
Leaves = list[tuple[Axis, Counts]]
"""The atoms of an axis that may move, each with those that lie on the axis beside it."""


@dataclass(frozen=True)
class InnerGroups:
    """How atoms that may move lie inside each other.

    Attributes:
        companions: for each atom, the atoms that every value with it has once; also such as are
            told apart, with each unit by itself.
        successor: the atom that follows another as a part of the same whole.
    """

    companions: Mapping[Axis, frozenset[Axis]]
    successor: Mapping[Axis, Axis]

    def chain(self, atom: Axis) -> list[Axis]:
        """Return the atoms that make one whole with an atom that starts it."""
        whole = [atom]
        while (after := self.successor.get(whole[-1])) is not None and after.kind == "atom":
            whole.append(after)
        return whole

    def outer(self, heads: Iterable[Axis]) -> dict[Axis, Axis]:
        """Return the outer atom of each atom that has one; both start their wholes."""
        starts = list(heads)
        candidates = {
            start: [
                other
                for other in starts
                if other is not start
                and {*self.chain(other)} <= self.companions.get(start, frozenset())
            ]
            for start in starts
        }
        outer: dict[Axis, Axis] = {}
        # Atoms with few companions are the outermost.  They come last, when others lie under
        # them already, and so never become inner ones themselves: groups nest one level deep.
        for start in sorted(starts, key=lambda atom: -len(candidates[atom])):
            tops = [o for o in candidates[start] if o not in outer and start not in outer.values()]
            if tops:
                outer[start] = min(tops, key=lambda atom: len(candidates[atom]))
        return outer


def inner_groups(
    values: Iterable[tuple[Axis, ...]], tensors: Iterable[tuple[Axis, ...]]
) -> InnerGroups:
    """Return how the atoms of a model lie inside each other.

    Args:
        values: the axes of every value, hidden ones too.
        tensors: the axes of the model's tensors.
    """
    memo: dict[Axis, tuple[Counts, Leaves]] = {}
    companions: dict[Axis, frozenset[Axis]] = {}
    partners: dict[Axis, frozenset[Axis]] = {}
    for axes in values:
        parts = [_counted(axis, memo) for axis in axes]
        for place, (_, leaves) in enumerate(parts):
            others = sum((counts for p, (counts, _) in enumerate(parts) if p != place), Counter())
            for leaf, siblings in leaves:
                # A sibling on the same axis is the leaf's own, whatever the other axes hold.  Of
                # an atom that lies on two other axes nothing tells which of them is the leaf's.
                paired = {atom for atom, count in siblings.items() if count == 1}
                once = paired | {a for a, n in others.items() if n == 1 and a not in siblings}
                _narrow(companions, leaf, once - {leaf})
                # Where the leaf itself lies there twice, an atom on an axis by itself cannot be
                # the partner of both.
                twice = leaf in others or leaf in siblings
                _narrow(partners, leaf, paired if twice else once)
    return InnerGroups(companions, _successors(partners, tensors))


def _narrow(sets: dict[Axis, frozenset[Axis]], leaf: Axis, atoms: set[Axis]) -> None:
    """Keep of an atom's set what this value has, too."""
    sets[leaf] = sets[leaf] & atoms if leaf in sets else frozenset(atoms)


def _counted(axis: Axis, memo: dict[Axis, tuple[Counts, Leaves]]) -> tuple[Counts, Leaves]:
    """Return the atoms at every position of an axis, and each leaf with those beside it."""
    root = axis.find()
    if root not in memo:  # values share axes, so that each is gone over once for all of them
        memo[root] = _combined(root, memo)
    return memo[root]


def _combined(root: Axis, memo: dict[Axis, tuple[Counts, Leaves]]) -> tuple[Counts, Leaves]:
    if root.kind == "atom":
        by_itself = root.size > 1 and not root.blank and not root.mixed
        return Counter([root] if by_itself else ()), [(root, Counter())] if root.moves else []
    parts = [_counted(part, memo) for part in root.parts]
    if root.kind != "product":  # each position lies in one part: only what all parts have is there
        counts = parts[0][0]
        for other, _ in parts[1:]:
            counts = counts & other
        return counts, [leaf for _, leaves in parts for leaf in leaves]
    counts = sum((part for part, _ in parts), Counter())
    return counts, [
        (leaf, siblings + counts - parts[place][0])
        for place, (_, leaves) in enumerate(parts)
        for leaf, siblings in leaves
    ]


def _successors(
    partners: Mapping[Axis, frozenset[Axis]], tensors: Iterable[tuple[Axis, ...]]
) -> dict[Axis, Axis]:
    """Return which atom always follows another directly, both present wherever one is."""
    after: dict[Axis, set[Axis | None]] = {}
    before: dict[Axis, set[Axis | None]] = {}
    for axes in tensors:
        for axis in axes:
            for parts in _runs(axis):
                # None stands for the end of a run: what ever ends one has no fixed successor.
                for left, right in zip([None, *parts], [*parts, None], strict=True):
                    if left is not None:
                        after.setdefault(left, set()).add(right)
                    if right is not None:
                        before.setdefault(right, set()).add(left)
    return {
        left: right
        for left, rights in after.items()
        if len(rights) == 1 and (right := next(iter(rights))) is not None
        if before[right] == {left}
        and right in partners.get(left, ())
        and left in partners.get(right, ())
    }


def _runs(axis: Axis) -> Iterable[list[Axis]]:
    """Give the parts of every product inside an axis; an atom outside of products by itself."""
    root = axis.find()
    if root.kind == "atom":
        yield [root]
        return
    if root.kind != "product":
        for part in root.parts:
            yield from _runs(part)
        return
    yield root.factors()
    for part in root.factors():
        if part.kind != "atom":
            yield from _runs(part)
