"""Soft permutations: square matrices in place of moves, applied so that gradients flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.symmetry.axis_form import groups_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.symmetry.axis_form import AxisForm
    from lmctool.symmetry.permutation import Permutation
    from lmctool.symmetry.spec import PermutationSpec
    from lmctool.symmetry.unit_index import UnitIndex

Forms = tuple["AxisForm | None", ...]


def permutation_matrices(permutation: Permutation, like: Tensor) -> dict[str, Tensor]:
    """Return the matrix of each move: ``[..., i, j]`` is 1 where unit j goes to place i, else 0.

    Args:
        permutation: its moves; of an inner group the matrices are (outer place, place, unit).
        like: a tensor of the dtype and on the device that the matrices are to have.
    """
    moves = permutation.moves
    flat = torch.cat([torch.empty(0, dtype=torch.int64), *map(torch.flatten, moves.values())])
    parts = torch.split(flat.to(like.device), [move.numel() for move in moves.values()])  # one copy
    matrices = {}
    for (group, move), part in zip(moves.items(), parts, strict=True):
        units = torch.arange(move.shape[-1], device=like.device)
        matrices[group] = (part.view(*move.shape, 1) == units).to(like.dtype)
    return matrices


@dataclass(frozen=True, eq=False)
class SoftPermutation:
    """Mixes the units of groups by matrices, along every axis that a spec says they lie on.

    With the matrices of a permutation it is that permutation; it is differentiable in the
    matrices and in the tensors.  Where the units lie is looked up once for axes of one form.

    Attributes:
        spec: which groups lie on the axes of each tensor.
        indices: where each group lies on axes of these forms, filled in as they are met.
    """

    spec: PermutationSpec
    indices: dict[Forms, tuple[tuple[str, UnitIndex], ...]] = field(default_factory=dict)

    def apply(
        self, matrices: Mapping[str, Tensor], weights: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the mixed weights; those of none of the groups, and integers, are passed on.

        Args:
            matrices: for each group (place, unit), or (outer place, place, unit) of an inner
                group, in the dtype and on the device of the weights.  A group that is left out
                stays.
            weights: the tensors by name.
        """
        stacks = self.spec.stacks
        mixed = {
            name: self.mix(matrices, tensor, self.spec.tensors[name])
            if name in self.spec.tensors and tensor.is_floating_point()
            else tensor
            for name, tensor in self.spec.stacked(weights).items()
        }
        for stack in mixed.keys() & stacks.keys():
            mixed |= zip(stacks[stack], mixed.pop(stack), strict=True)
        return {name: mixed[name] for name in weights}

    def mix(self, matrices: Mapping[str, Tensor], tensor: Tensor, forms: Forms) -> Tensor:
        """Return a tensor, or a value, whose axes have these forms, with groups mixed."""
        for group, index in self._indices(forms):
            if group in matrices:
                tensor = _mixed(matrices[group], tensor, index)
        return tensor

    def _indices(self, forms: Forms) -> tuple[tuple[str, UnitIndex], ...]:
        """Return where groups lie; outer ones first, so that inner ones follow them."""
        if forms not in self.indices:
            groups = dict.fromkeys(group for form in forms for group in groups_of(form))
            found = self.spec.unit_indices(groups, forms)
            self.indices[forms] = tuple(
                (group, index)
                for group in sorted(groups, key=self.spec.per.__contains__)
                for index in found[group]
            )
        return self.indices[forms]


def _mixed(matrix: Tensor, tensor: Tensor, index: UnitIndex) -> Tensor:
    """Return a tensor whose units at an index are mixed; all else stays."""
    first = tuple(range(len(index.axes)))
    front = tensor.movedim(index.axes, first)
    rows = front.reshape(prod(front.shape[: len(index.axes)]), -1)
    positions = index.selection(len(rows), tensor.device)
    size = matrix.shape[-1]
    units = rows if positions is None else rows.index_select(0, positions)
    # (outer place, unit, rest): each matrix mixes the units under its own outer place
    blocks = units.reshape(len(index.positions) // size, size, -1)
    mixed = (matrix @ blocks).view(len(units), -1)
    result = mixed if positions is None else rows.index_copy(0, positions, mixed)
    return result.view(front.shape).movedim(first, index.axes)
