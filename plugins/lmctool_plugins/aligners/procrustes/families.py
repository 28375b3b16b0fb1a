"""Groups that are matched together: heads, the units in them, and the maps of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.api import LinearSpec
    from lmctool.api.advanced import LinearGroup, Place, UnitIndex

    At = tuple[str, UnitIndex]


@dataclass(frozen=True, eq=False)
class Family:
    """Groups whose units lie inside each other.

    Attributes:
        spec: what keeps the model's function.
        permuted: the permutation groups whose units are paired, an outer one first; moves that are
            among the maps of a linear group are not.
        mapped: the linear groups.
        tensors: the names of the tensors that hold any of them.
    """

    spec: LinearSpec
    permuted: tuple[str, ...]
    mapped: tuple[str, ...]
    tensors: frozenset[str]

    @property
    def heads(self) -> Iterator[LinearGroup]:
        """The linear groups that have a map under each outer unit, which may be permuted."""
        for name in self.mapped:
            group = self.spec.groups[name]
            if group.outer in self.permuted and group.kind != "scale":
                yield group

    def places(self, name: str) -> Iterator[tuple[str, UnitIndex, int]]:
        """Give where units of a permutation group lie, but where units within them show them.

        Returns:
            Tensors, where in them, and the power of the units' scale there: 0 for none.
        """
        inside = [*self._inside(name)]
        for tensor, index in self.spec.permutations.uses(name):
            if not any(tensor == other and _shows(inner, index) for other, inner in inside):
                yield tensor, index, self._power(name, tensor, index)

    def finest(self, group: LinearGroup) -> tuple[str, dict[Place, UnitIndex]]:
        """Return what the outer units of a linear group are split into, and where it lies.

        That is a permutation group within them whose units lie beside those of the linear group,
        as the queries that share a key do; else the outer group itself, at no place.
        """
        for name in self.permuted:
            if self.spec.permutations.per.get(name) == group.outer:
                uses = [*self.spec.permutations.uses(name)]
                found = {
                    place: index
                    for place in group.places
                    for tensor, index in uses
                    if tensor == place.tensor and _beside(index, place.index)
                }
                if found:
                    return name, found
        return group.outer, {}

    def _inside(self, name: str) -> Iterator[At]:
        """Give the places of all that lies within the units of a permutation group."""
        for other in self.permuted:
            if self.spec.permutations.per.get(other) == name:
                yield from self.spec.permutations.uses(other)
        for group in self.heads:
            if group.outer == name:
                yield from ((place.tensor, place.index) for place in group.places)

    def _power(self, name: str, tensor: str, index: UnitIndex) -> int:
        for other in self.mapped:
            group = self.spec.groups[other]
            if group.kind == "scale" and group.units == name:
                for place in group.places:
                    if place.tensor == tensor and _same(place.index, index):
                        return place.power
        return 0


def families(spec: LinearSpec) -> list[Family]:
    """Return all families of a model, in the order of its graph."""
    groups, permutations = spec.groups, spec.permutations
    maps = {group.units for group in groups.values() if group.kind != "scale"}
    found, left = [], dict.fromkeys(groups)
    for top in permutations.groups:
        if top not in permutations.per:
            members = (top, *permutations.inner(top))
            mapped = tuple(n for n in left if {groups[n].units, groups[n].outer} & {*members})
            left = {name: None for name in left if name not in mapped}
            found.append(_family(spec, tuple(n for n in members if n not in maps), mapped))
    return [*found, *(_family(spec, (), (name,)) for name in left)]


def _family(spec: LinearSpec, permuted: tuple[str, ...], mapped: tuple[str, ...]) -> Family:
    moved = (tensor for name in permuted for tensor, _ in spec.permutations.uses(name))
    acted = (place.tensor for name in mapped for place in spec.groups[name].places)
    return Family(spec, permuted, mapped, frozenset((*moved, *acted)))


def _shows(inner: UnitIndex, outer: UnitIndex) -> bool:
    """Whether a place of inner units shows all units at a place of outer ones."""
    return _beside(inner, outer) or (len(inner.axes) > 1 and inner.axes[0] == outer.axes[0])


def _beside(one: UnitIndex, other: UnitIndex) -> bool:
    """Whether units of one group lie wherever those of another do."""
    import torch

    return one.axes == other.axes and bool(torch.isin(other.positions, one.positions).all())


def _same(one: UnitIndex, other: UnitIndex) -> bool:
    import torch

    return one.axes == other.axes and torch.equal(one.positions, other.positions)
