"""The permutation spec of a model: which units may move, and which tensors move with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.symmetry.axis_form import AxisForm, groups_of
from lmctool.symmetry.stacks import stacked, stacks_of
from lmctool.symmetry.unit_index import UnitIndex, axis_labels, unit_indices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Tap:
    """A value of the graph that shows the units of a group.

    Attributes:
        node: the name of the node whose value it is.
        index: where in the value the units lie.
    """

    node: str
    index: UnitIndex

    def units(self, value: Tensor) -> Tensor:
        """Return the value as (unit, sample): all else is a sample."""
        return self.index.units(value)


@dataclass(frozen=True, slots=True)
class PermutationSpec:
    """What may be permuted in a model without a change of its function.

    Most groups are plain: one permutation of their units.  An inner group has a permutation of
    its own under each unit of its outer group, as the units within each attention head.

    Attributes:
        groups: the size of each permutation group, in the order of the graph; of an inner group
            the size under one unit of its outer group.
        tensors: for each tensor, for each of its axes, the form of the axis, or None where no
            unit of it may move.  Tensors that change places with each other are one, a stack, by
            its name.
        per: the outer group of each inner group.
        taps: for each group, the values that show its units, after the nonlinearity if one is;
            none for an outer group that its inner ones show, such as attention heads.
        pretaps: the same before the nonlinearity.
        fixed: why, for each tensor and axis that cannot move: ``(tensor, axis) -> reason``.
    """

    groups: Mapping[str, int]
    tensors: Mapping[str, tuple[AxisForm | None, ...]]
    per: Mapping[str, str] = field(default_factory=dict)
    taps: Mapping[str, tuple[Tap, ...]] = field(default_factory=dict)
    pretaps: Mapping[str, tuple[Tap, ...]] = field(default_factory=dict)
    fixed: Mapping[tuple[str, int], str] = field(default_factory=dict)

    @property
    def stacks(self) -> Mapping[str, tuple[str, ...]]:
        """The names of the tensors of each stack, by its own."""
        return stacks_of(self.tensors)

    def stacked(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return weights as the spec has them: each stack in place of its tensors."""
        return stacked(self.stacks, weights)

    def units(self, group: str) -> int:
        """Return how many units a group has, under all units of its outer group together."""
        return self.groups[group] * (self.groups[self.per[group]] if group in self.per else 1)

    def shape(self, group: str) -> tuple[int, ...]:
        """Return the shape of a group's move: (unit,), or (outer unit, unit)."""
        outer = (self.groups[self.per[group]],) if group in self.per else ()
        return (*outer, self.groups[group])

    def inner(self, group: str) -> tuple[str, ...]:
        """Return the inner groups of an outer group."""
        return tuple(name for name, outer in self.per.items() if outer == group)

    def unit_indices(
        self, groups: Iterable[str], forms: tuple[AxisForm | None, ...]
    ) -> dict[str, list[UnitIndex]]:
        """Return where the units of each group lie in a tensor or value with these axes."""
        labels = axis_labels(forms)
        return {
            group: [*unit_indices(labels, group, self.groups[group], self.per.get(group))]
            for group in groups
        }

    def uses(self, group: str) -> Iterator[tuple[str, UnitIndex]]:
        """Give every tensor that a group's units lie in, and where in it."""
        for name, forms in self.tensors.items():
            if any(group in groups_of(form) for form in forms):
                for index in self.unit_indices([group], forms)[group]:
                    yield name, index
