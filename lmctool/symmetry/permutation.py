"""A permutation of a model's hidden units: applied, inverted, composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.symmetry.axis_form import groups_of
from lmctool.symmetry.transform import Transform
from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmctool.symmetry.axis_form import AxisForm
    from lmctool.symmetry.spec import PermutationSpec
    from lmctool.symmetry.unit_index import UnitIndex


@dataclass(frozen=True, eq=False)
class Permutation(Transform):
    """A permutation of the units of each group of a spec.

    Attributes:
        spec: what may be permuted.
        moves: for each group int64 on the CPU.  Of a plain group (unit,): ``moves[g][i]`` is the
            unit that goes to place ``i``.  Of an inner group (outer unit, unit):
            ``moves[g][o, i]`` is the unit, of the outer unit that goes to place ``o``, that goes
            to place ``i`` there.  A group that is left out stays.
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
            shape = self.spec.shape(group)
            units = torch.arange(shape[-1]).expand(shape)
            if move.shape != shape or not torch.equal(move.sort(-1).values, units):
                raise ValueError(f"the move of group {group!r} isn't a permutation of its units")

    @classmethod
    def random(cls, spec: PermutationSpec, generator: torch.Generator) -> Permutation:
        """Return a permutation of every group, drawn uniformly."""
        moves = {
            group: torch.rand(spec.shape(group), generator=generator).argsort(-1)
            for group in spec.groups
        }
        return cls(spec, moves)

    @property
    def is_identity(self) -> bool:
        """Whether every unit stays."""
        return not self.changed

    @property
    def changed(self) -> tuple[str, ...]:
        """The groups of which some unit moves."""
        return tuple(group for group in self.moves if self.moved(group))

    def moved(self, group: str) -> int:
        """Return how many units of a group don't stay in their place."""
        move = self.moves.get(group)
        return 0 if move is None else int((move != torch.arange(move.shape[-1])).sum())

    def apply_lazily(self, weights: Mapping[str, Tensor]) -> LazyWeights:
        """Return the permuted weights, each tensor permuted when it is asked for."""
        moving = {group for group in self.moves if self.moved(group)}
        stacks = self.spec.stacks
        places = {m: (stack, i) for stack, inside in stacks.items() for i, m in enumerate(inside)}
        whole: dict[str, Tensor] = {}  # the stack that a tensor was last asked of

        def permuted(name: str) -> Tensor:
            stack, place = places.get(name, (name, 0))
            forms = self.spec.tensors.get(stack, ())
            groups = dict.fromkeys(g for form in forms for g in groups_of(form) if g in moving)
            if not groups:
                return weights[name]
            if stack == name:
                return self.permute(weights[name], forms, groups)
            if (found := whole.get(stack)) is None:  # threads may ask for several at a time
                whole.clear()
                stacked = torch.stack([weights[member] for member in stacks[stack]])
                found = whole[stack] = self.permute(stacked, forms, groups)
            return found[place].clone()

        return LazyWeights(weights, permuted)

    def permute(
        self, tensor: Tensor, forms: tuple[AxisForm | None, ...], groups: Iterable[str]
    ) -> Tensor:
        """Return a tensor, or a value, whose axes have these forms, with groups moved."""
        orders: dict[int, Tensor] = {}
        across: list[tuple[UnitIndex, Tensor]] = []
        indices = self.spec.unit_indices(groups, forms)
        for group in sorted(indices, key=self.spec.per.__contains__):  # outer groups go first
            move = flat(self.moves[group])
            for index in indices[group]:
                order = index.order(move, tensor)
                if len(index.axes) > 1:
                    across.append((index, order))
                else:  # outer and inner moves of one axis become one
                    (axis,) = index.axes
                    orders[axis] = orders[axis][order] if axis in orders else order
        for axis, order in orders.items():
            tensor = tensor.index_select(axis, order.to(tensor.device))
        for index, order in across:
            front = tensor.movedim(index.axes, (0, 1))
            rows = front.flatten(0, 1).index_select(0, order.to(tensor.device))
            tensor = rows.view(front.shape).movedim((0, 1), index.axes).contiguous()
        return tensor

    def identity(self) -> Permutation:
        """Return the permutation of the same groups that moves nothing."""
        return Permutation(self.spec, {})

    def inverse(self) -> Permutation:
        """Return the permutation that undoes this one."""
        moves = {}
        for group, move in self.moves.items():
            outer = self.moves.get(self.spec.per.get(group, ""))
            if outer is not None and move.ndim > 1:
                move = move[outer.argsort()]  # rows go by the place of an outer unit
            moves[group] = move.argsort(-1)
        return Permutation(self.spec, moves)

    def then(self, other: Permutation) -> Permutation:
        """Return the permutation that does this one, and ``other`` after it."""
        moves = dict(self.moves)
        for group in self.spec.groups:
            outer = other.moves.get(self.spec.per.get(group, ""))
            first, second = self.moves.get(group), other.moves.get(group)
            if first is not None and outer is not None:
                first = moves[group] = first[outer]  # rows go along with the outer units
            if second is not None:
                moves[group] = second if first is None else first.gather(-1, second)
        return Permutation(self.spec, moves)

    def only(self, group: str) -> Permutation:
        """Return this permutation for one group, with all others in place."""
        return Permutation(self.spec, {group: self.moves[group]})


def flat(move: Tensor) -> Tensor:
    """Return a move of an inner group over all units of its outer group together: (unit,)."""
    if move.ndim == 1:
        return move
    starts = torch.arange(len(move))[:, None] * move.shape[-1]
    return (move + starts).flatten()
