"""A permutation of a model's hidden units: applied, inverted, composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.symmetry.spec import PermutationSpec, index

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, eq=False)
class Permutation:
    """A permutation of the units of each group of a spec.

    Attributes:
        spec: what may be permuted.
        moves: for each group, (unit,) int64 on the CPU: ``moves[g][i]`` is the unit that goes
            to place ``i``.  A group that is left out stays.
    """

    spec: PermutationSpec
    moves: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        """Check that every move is a permutation of its group.

        Raises:
            ValueError: an unknown group, or a move that isn't a permutation of its units.
        """
        for group, move in self.moves.items():
            if group not in self.spec.groups:
                raise ValueError(f"no group is called {group!r}")
            if not torch.equal(move.sort().values, torch.arange(self.spec.groups[group])):
                raise ValueError(f"the move of group {group!r} isn't a permutation of its units")

    @property
    def is_identity(self) -> bool:
        """Whether every unit stays."""
        return not any(self.moved(group) for group in self.moves)

    def moved(self, group: str) -> int:
        """Return how many units of a group don't stay in their place."""
        move = self.moves.get(group)
        return 0 if move is None else int((move != torch.arange(len(move))).sum())

    def apply(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the permuted weights; tensors that don't move are passed on, not copied."""
        moving = {group: move for group, move in self.moves.items() if self.moved(group)}
        permuted = dict(weights)
        for name, axes in self.spec.tensors.items():
            if name not in weights:
                continue
            for axis, form in enumerate(axes):
                if form is None:
                    continue
                order = index(form, moving)
                if not torch.equal(order, torch.arange(len(order))):
                    tensor = permuted[name]
                    permuted[name] = tensor.index_select(axis, order.to(tensor.device))
        return permuted

    def inverse(self) -> Permutation:
        """Return the permutation that undoes this one."""
        return Permutation(self.spec, {group: move.argsort() for group, move in self.moves.items()})

    def then(self, other: Permutation) -> Permutation:
        """Return the permutation that does this one, and ``other`` after it."""
        moves = dict(self.moves)
        for group, move in other.moves.items():
            moves[group] = moves[group][move] if group in moves else move
        return Permutation(self.spec, moves)

    def only(self, group: str) -> Permutation:
        """Return this permutation for one group, with all others in place."""
        return Permutation(self.spec, {group: self.moves[group]})
