"""Permutations made soft: square matrices in place of moves, applied so that gradients flow."""

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
    from lmctool.symmetry.unit_index import Place

Forms = tuple["AxisForm | None", ...]


def permutation_matrices(permutation: Permutation, like: Tensor) -> dict[str, Tensor]:
    """Return the matrix of each move: ``[..., i, j]`` is 1 where unit j goes to place i, else 0.

    Args:
        permutation: its moves; of an inner group the matrices are (outer place, place, unit).
        like: a tensor of the dtype and on the device that the matrices are to have.
    """
    return {
        group: torch.nn.functional.one_hot(move, move.shape[-1]).to(like)
        for group, move in permutation.moves.items()
    }


@dataclass(frozen=True, eq=False)
class Mixture:
    """Mixes the units of groups by matrices, along every axis that a spec says they lie on.

    With the matrices of a permutation it is that permutation; it is differentiable in the
    matrices and in the tensors.  Where the units lie is found once and kept.

    Attributes:
        spec: which groups lie on the axes of each tensor.
        places: where each group lies on axes of these forms, as they are come by.
    """

    spec: PermutationSpec
    places: dict[Forms, tuple[tuple[str, Place], ...]] = field(default_factory=dict)

    def apply(
        self, mixing: Mapping[str, Tensor], weights: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the mixed weights; those of none of the groups, and integers, are passed on.

        Args:
            mixing: for each group (place, unit), or (outer place, place, unit) of an inner
                group, in the dtype and on the device of the weights.  A group that is left out
                stays.
            weights: the tensors by name.
        """
        return {
            name: self.mix(mixing, tensor, self.spec.tensors[name])
            if name in self.spec.tensors and tensor.is_floating_point()
            else tensor
            for name, tensor in weights.items()
        }

    def mix(self, mixing: Mapping[str, Tensor], tensor: Tensor, forms: Forms) -> Tensor:
        """Return a tensor, or a value, whose axes have these forms, with groups mixed."""
        for group, place in self._placed(forms):
            if group in mixing:
                tensor = _mixed(mixing[group], tensor, place)
        return tensor

    def _placed(self, forms: Forms) -> tuple[tuple[str, Place], ...]:
        """Return each place of each group; outer groups first, so that inner ones follow them."""
        if forms not in self.places:
            held = dict.fromkeys(group for form in forms for group in groups_of(form))
            self.places[forms] = tuple(
                (group, place)
                for group in sorted(held, key=self.spec.per.__contains__)
                for place in self.spec.places(group, forms)
            )
        return self.places[forms]


def _mixed(matrix: Tensor, tensor: Tensor, place: Place) -> Tensor:
    """Return a tensor whose units at a place are mixed; all else stays."""
    first = tuple(range(len(place.axes)))
    front = tensor.movedim(place.axes, first)
    rows = front.reshape(prod(front.shape[: len(place.axes)]), -1)
    index = place.positions.flatten()
    size = matrix.shape[-1]
    whole = torch.equal(index, torch.arange(len(rows)))
    if not whole:
        index = index.to(tensor.device)
    units = rows if whole else rows.index_select(0, index)
    # (outer place, unit, rest): each matrix mixes the units under its own outer place
    mixed = (matrix @ units.reshape(len(place.positions) // size, size, -1)).view(len(index), -1)
    moved = mixed if whole else rows.index_copy(0, index, mixed)
    return moved.view(front.shape).movedim(first, place.axes)
