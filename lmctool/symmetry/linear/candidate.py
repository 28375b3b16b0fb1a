"""What is known of the units of a permutation group, on which larger groups may act."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.symmetry.linear.parity import Parity
from lmctool.symmetry.linear.structure import broadcast_size, compact, varies

if TYPE_CHECKING:
    from collections.abc import Iterable

UNITS = 2**32
"""What the number of a slot is multiplied by in labels, above the number of the unit."""


@dataclass(eq=False)
class Candidate:
    """What a walk over a graph has found out about the units of one permutation group.

    Attributes:
        name: the name of the group.
        size: how many units it has under each outer unit.
        orthogonal: whether maps have to be.
        keeps_ones: whether they have to keep the vector of ones as well.
        is_raw: whether something other than a LayerNorm reads values that none has centred.
        blocked: why no map acts on the units but permutations; empty while some may.
        slots: which of the places where the units lie are acted on alike, and which oppositely.
        readers: slots of weights that read the units.
        sides: slots of first operands where two values are multiplied, as queries are.
    """

    name: str
    size: int
    orthogonal: bool = False
    keeps_ones: bool = False
    is_raw: bool = False
    blocked: str = ""
    slots: Parity = field(default_factory=Parity)
    readers: list[int] = field(default_factory=list)
    sides: list[int] = field(default_factory=list)

    def block(self, reason: str) -> None:
        """Let no map act but permutations; the first reason stays."""
        self.blocked = self.blocked or reason

    def join(self, first: Tensor, second: Tensor, sign: int) -> bool:
        """Note that labels of one shape lie on the same units, turned alike or oppositely.

        Returns:
            Whether they do lie on the same units.
        """
        size = broadcast_size(first, second)
        first, second = compact(first.expand(size), second.expand(size))
        if not torch.equal(first % UNITS, second % UNITS):
            return False
        pairs = torch.stack([first // UNITS, second // UNITS]).flatten(1).unique(dim=1)  # type: ignore[no-untyped-call]
        for a, b in pairs.T.tolist():
            if a and not self.slots.join(a, b, sign):
                self.orthogonal = True
        return True

    def merged(self, labels: Tensor, dims: Iterable[int]) -> Tensor | None:
        """Return labels with one element along dimensions; None if others are of other units."""
        for dim in dims:
            one = labels.narrow(dim, 0, 1)
            if varies(labels, dim) and not self.join(labels, one, 1):
                return None
            labels = one
        return labels

    def is_complete(self, labels: Tensor, dims: tuple[int, ...]) -> bool:
        """Tell whether all units under an outer unit lie along dimensions where one does.

        They may do so several times, all equally often.
        """
        rest = [dim for dim in range(labels.ndim) if dim not in dims and varies(labels, dim)]
        kept = labels
        for dim in range(labels.ndim):
            if dim not in dims and dim not in rest:
                kept = kept.narrow(dim, 0, 1)
        rows = (kept % UNITS).movedim(dims, tuple(range(-len(dims), 0))).flatten(-len(dims))
        for row in rows.reshape(-1, rows.shape[-1]).unique(dim=0):  # type: ignore[no-untyped-call]
            counts = (row[row > 0] - 1).bincount()
            counts = torch.nn.functional.pad(counts, (0, -len(counts) % self.size))
            counts = counts.view(-1, self.size)
            if (counts != counts[:, :1]).any():
                return False
        return True

    def powers(self, slots: list[int]) -> dict[int, int]:
        """Return the power of each slot: what is read by weights is written with power 1."""
        turned: dict[int, int] = {}
        for votes, power in ((self.readers, -1), (self.sides, 1)):
            for slot in votes:
                root, sign = self.slots.find(slot)
                turned.setdefault(root, sign * power)
        found = {}
        for slot in slots:
            root, sign = self.slots.find(slot)
            found[slot] = sign * turned.setdefault(root, sign)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """Where units of a group lie in a value.

    Attributes:
        group: the group.
        labels: int64 of the value's shape: the unit at each element, counted from 1 and under all
            outer units together, and ``UNITS`` times its slot; 0 where none is.
        is_centred: whether a LayerNorm has centred the value.
    """

    group: Candidate
    labels: Tensor
    is_centred: bool = False
