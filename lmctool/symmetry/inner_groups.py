"""Which groups of atoms move as one, and which move by themselves under each unit of another.

An atom may have a permutation of its own under each unit of another atom exactly where every
value that holds the first also holds the second, once: then nothing in the model ever compares
the units of two of them (the units within two attention heads, say).  Where that is so in both
directions, and the two always lie side by side in the stored tensors, they are one atom.  Values
count that an operation makes inside itself, such as attention scores and statistics.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.symmetry.axis import Axis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Held = Counter[Axis]
Leaves = list[tuple[Axis, Held]]


@dataclass(frozen=True)
class Nesting:
    """How atoms that may move lie inside each other.

    Attributes:
        beside: for each atom, the atoms that every value holding it holds once.
        follower: the atom that follows another as a part of the same whole.
    """

    beside: Mapping[Axis, frozenset[Axis]]
    follower: Mapping[Axis, Axis]

    def chain(self, atom: Axis) -> list[Axis]:
        """Return the atoms that make one whole with an atom that starts it."""
        found = [atom]
        while found[-1] in self.follower:
            found.append(self.follower[found[-1]])
        return found

    def outer(self, heads: Iterable[Axis]) -> dict[Axis, Axis]:
        """Return the outer atom of each atom that has one; both start their wholes."""
        starts = list(heads)
        candidates = {
            start: [
                other
                for other in starts
                if other is not start and {*self.chain(other)} <= self.beside[start]
            ]
            for start in starts
        }
        found: dict[Axis, Axis] = {}
        # Those held beside few others are the outermost: they never become inner ones here.
        for start in sorted(starts, key=lambda atom: -len(candidates[atom])):
            tops = [o for o in candidates[start] if o not in found and start not in found.values()]
            if tops:
                found[start] = min(tops, key=lambda atom: len(candidates[atom]))
        return found


def nesting(values: Iterable[tuple[Axis, ...]], stored: Iterable[tuple[Axis, ...]]) -> Nesting:
    """Return how the atoms of a model lie inside each other.

    Args:
        values: the axes of every value, hidden ones too.
        stored: the axes of the model's tensors.
    """
    known: dict[Axis, tuple[Held, Leaves]] = {}
    beside: dict[Axis, frozenset[Axis]] = {}
    close: dict[Axis, frozenset[Axis]] = {}
    for axes in values:
        parts = [_held(axis, known) for axis in axes]
        for place, (_, leaves) in enumerate(parts):
            others = sum((held for p, (held, _) in enumerate(parts) if p != place), Counter())
            for leaf, siblings in leaves:
                paired = {atom for atom, count in siblings.items() if count == 1}
                once = paired | {a for a, n in others.items() if n == 1 and a not in siblings}
                _narrow(beside, leaf, once - {leaf})
                _narrow(close, leaf, paired if leaf in others or leaf in siblings else once)
    return Nesting(beside, _followers(close, stored))


def _narrow(found: dict[Axis, frozenset[Axis]], leaf: Axis, atoms: set[Axis]) -> None:
    found[leaf] = found[leaf] & atoms if leaf in found else frozenset(atoms)


def _held(axis: Axis, known: dict[Axis, tuple[Held, Leaves]]) -> tuple[Held, Leaves]:
    """Return the atoms held at every position of an axis, and each leaf with those beside it."""
    root = axis.find()
    if root not in known:
        known[root] = _combined(root, known)
    return known[root]


def _combined(root: Axis, known: dict[Axis, tuple[Held, Leaves]]) -> tuple[Held, Leaves]:
    if root.kind == "atom":
        moves = not root.reason and not root.blank and root.size > 1
        return (Counter([root]), [(root, Counter())]) if moves else (Counter(), [])
    parts = [_held(part, known) for part in root.parts]
    if root.kind != "product":  # each position lies in one part
        held = parts[0][0]
        for other, _ in parts[1:]:
            held = held & other
        return held, [leaf for _, leaves in parts for leaf in leaves]
    held = sum((part for part, _ in parts), Counter())
    return held, [
        (leaf, siblings + held - parts[place][0])
        for place, (_, leaves) in enumerate(parts)
        for leaf, siblings in leaves
    ]


def _followers(
    close: Mapping[Axis, frozenset[Axis]], stored: Iterable[tuple[Axis, ...]]
) -> dict[Axis, Axis]:
    """Return which atom always follows another directly, both held wherever one is."""
    after: dict[Axis, set[Axis | None]] = {}
    before: dict[Axis, set[Axis | None]] = {}
    for axes in stored:
        for axis in axes:
            for parts in _runs(axis):
                for left, right in zip([None, *parts], [*parts, None], strict=True):
                    if left is not None:
                        after.setdefault(left, set()).add(right)
                    if right is not None:
                        before.setdefault(right, set()).add(left)
    return {
        left: right
        for left, found in after.items()
        if len(found) == 1 and (right := next(iter(found))) is not None
        if before[right] == {left} and right in close.get(left, ()) and left in close.get(right, ())
    }


def _runs(axis: Axis) -> Iterable[list[Axis]]:
    """Give the parts of every product inside an axis; an atom outside of products by itself."""
    root = axis.find()
    if root.kind == "atom":
        yield [root]
        return
    if root.kind == "product":
        yield [part.find() for part in root.parts]
    for part in root.parts:
        if root.kind != "product" or part.find().kind != "atom":
            yield from _runs(part)
