"""A permuted network whose gradient is that by the matrices of the permutation.

No matrix is made.  With M of a permutation, M B has the rows of B in another order; with the
gradient G by the product, that by M is G B^T, and that by B has the rows of G put back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Permutation, PermutationSpec
    from lmctool.api.advanced import AxisForm, UnitIndex

    Forms = tuple[AxisForm | None, ...]


class Move(NamedTuple):
    """How the units of one group move.

    Attributes:
        order: (place,) which unit comes there; of an inner group places are counted through, and
            the outer units have come to theirs already.
        inverse: (unit,) the place it comes to.
        scores: (..., place, unit) what takes the gradient by the matrices; None if nothing does.
    """

    order: Tensor
    inverse: Tensor
    scores: Tensor | None


def moves_of(
    permutation: Permutation, device: torch.device, scores: Mapping[str, Tensor] | None = None
) -> dict[str, Move]:
    """Return the move of each group on a device, which is waited for once.

    Args:
        permutation: how the units move.
        device: where the network is.
        scores: what takes the gradient by the matrices of groups, if it is asked for.
    """
    orders = {}
    for group, move in permutation.moves.items():
        rows = move.view(-1, move.shape[-1])
        orders[group] = (rows + torch.arange(len(rows))[:, None] * rows.shape[1]).flatten()
    both = [part for order in orders.values() for part in (order, order.argsort())]
    flat = torch.cat([torch.empty(0, dtype=torch.int64), *both]).to(device)
    parts = iter(torch.split(flat, list(map(len, both))))
    taking = scores or {}
    return {group: Move(next(parts), next(parts), taking.get(group)) for group in orders}


Step = tuple["UnitIndex", Move]
"""Where the units of a group lie in a tensor, and how they move."""


@dataclass(frozen=True, eq=False)
class Permuting:
    """Permutes the tensors of networks; gradients reach the scores of moves.

    Attributes:
        spec: which groups lie on the axes of each tensor.
        indices: where each group lies on axes of these forms, filled in as they are met.
    """

    spec: PermutationSpec
    indices: dict[Forms, list[tuple[str, UnitIndex]]] = field(default_factory=dict)

    def apply(self, moves: Mapping[str, Move], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return permuted weights; those that hold no unit, and integers, are passed on."""
        stacks = self.spec.stacks
        moved = {
            name: self.permuted(moves, tensor, self.spec.tensors[name])
            if name in self.spec.tensors and tensor.is_floating_point()
            else tensor
            for name, tensor in self.spec.stacked(weights).items()
        }
        for stack in moved.keys() & stacks.keys():
            moved |= zip(stacks[stack], moved.pop(stack), strict=True)
        return {name: moved[name] for name in weights}

    def permuted(self, moves: Mapping[str, Move], tensor: Tensor, forms: Forms) -> Tensor:
        """Return a tensor, or a value, whose axes have these forms, permuted."""
        steps: tuple[Step, ...] = ()
        result = tensor
        for group, index in self._indices(forms):
            if group in moves:
                steps = (*steps, (index, moves[group]))
                result = _Step.apply(result, tensor, steps, moves[group].scores)  # type: ignore[no-untyped-call]
        return result

    def _indices(self, forms: Forms) -> list[tuple[str, UnitIndex]]:
        """Return where groups lie; outer ones first, so that inner ones follow them."""
        if forms not in self.indices:
            found = self.spec.unit_indices(self.spec.groups, forms)
            self.indices[forms] = [
                (group, index)
                for group in sorted(found, key=self.spec.per.__contains__)
                for index in found[group]
            ]
        return self.indices[forms]


class _Step(torch.autograd.Function):
    """Moves the units of one group in a tensor; several follow each other.

    Kept for its gradient is what the first was given: a tensor of B, and so no copy of it.
    """

    @staticmethod
    def forward(
        ctx: Any, tensor: Tensor, first: Tensor, steps: Sequence[Step], _: Tensor | None
    ) -> Tensor:
        """Return a tensor, made of the first by all steps but the last, after that one too."""
        ctx.save_for_backward(first)
        ctx.steps = steps
        index, move = steps[-1]
        return _in_order(tensor, index, move.order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by the tensor and by the scores."""
        *earlier, (index, move) = ctx.steps
        by_scores = by_tensor = None
        if move.scores is not None:
            (value,) = ctx.saved_tensors
            for before, moved in earlier:
                value = _in_order(value, before, moved.order)
            by_scores = _by_matrix(gradient, value, index, move.scores)
            del value
        if ctx.needs_input_grad[0]:
            by_tensor = _in_order(gradient, index, move.inverse)
        return by_tensor, None, None, by_scores


def _in_order(tensor: Tensor, index: UnitIndex, order: Tensor) -> Tensor:
    """Return a tensor whose units come in another order."""
    return index.replaced(tensor, index.units(tensor).index_select(0, order))


def _by_matrix(gradient: Tensor, value: Tensor, index: UnitIndex, scores: Tensor) -> Tensor:
    """Return (..., place, unit): the gradient by the matrices that mix the units of a value.

    Args:
        gradient: that by the mixed value.
        value: what was mixed.
        index: where the units lie in both.
        scores: in the shape of the matrices, which mix units under one outer unit each.
    """
    size = scores.shape[-1]
    rows, columns = (
        units.view(len(units) // size, size, -1) for units in map(index.units, (gradient, value))
    )
    return (rows @ columns.mT).view(scores.shape)
