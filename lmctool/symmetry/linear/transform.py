"""A transform of networks in canonical form: units are permuted, then linear maps act on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.symmetry.linear.canonical import refuse_unfolded
from lmctool.symmetry.permutation import Permutation
from lmctool.symmetry.transform import Transform
from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec

ROUNDING = 1e-6
"""How far a map may be from the kind that its group is of, relative to its numbers."""

SINGULAR = 1e12
"""The condition number from which on nothing of a map's inverse is right."""


@dataclass(frozen=True, eq=False)
class LinearTransform(Transform):
    """A permutation, and linear maps that act after it.

    Attributes:
        spec: what keeps the function of a network in canonical form.
        permutation: the permutation, of ``spec.permutations``.
        maps: for each group float64 on the CPU, of the group's ``shape``: M, by which what writes
            the units is multiplied; of scales what the units are multiplied by.  A group that is
            left out stays.
    """

    spec: LinearSpec
    permutation: Permutation
    maps: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that every map is one of its group, and lay it out as a file does.

        How a matrix lies in memory decides the last bits of its products.

        Raises:
            ValueError: an unknown group, or a map that is none of its group's.
        """
        laid_out = {name: matrices.contiguous() for name, matrices in self.maps.items()}
        object.__setattr__(self, "maps", laid_out)
        for name, matrices in self.maps.items():
            if name not in self.spec.groups:
                raise ValueError(f"no linear group is called {name!r}")
            if reason := unfit(self.spec.groups[name], matrices):
                raise ValueError(f"the map of group {name!r} {reason}")

    @classmethod
    def random(cls, spec: LinearSpec, generator: torch.Generator) -> LinearTransform:
        """Return a random element of every group; invertible maps are well conditioned."""
        maps = {name: drawn(group, generator) for name, group in spec.groups.items()}
        return cls(spec, Permutation.random(spec.permutations, generator), maps)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return not self.changed

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the groups of units that move, and of those on which a map acts."""
        mapped = [
            name
            for name, matrices in self.maps.items()
            if not torch.equal(matrices, identity_map(self.spec.groups[name]))
        ]
        return tuple(dict.fromkeys([*self.permutation.changed, *mapped]))

    @property
    def distance(self) -> float:
        """By how much the maps move the unit vectors of all groups, as a root mean square.

        Of random orthogonal maps it is about the square root of 2.
        """
        groups, maps = self.spec.groups, self.maps
        squares = [distance(groups[n], m) ** 2 * groups[n].all_units for n, m in maps.items()]
        units = sum(group.all_units for group in groups.values())
        return (sum(squares) / units) ** 0.5 if units else 0.0

    @cached_property
    def _factors(self) -> dict[str, dict[int, Tensor]]:
        """What acts on the places of each group, by their powers."""
        return {
            name: factors(self.spec.groups[name], matrices) for name, matrices in self.maps.items()
        }

    @cached_property
    def _by_tensor(self) -> dict[str, list[str]]:
        """The groups that act on each tensor."""
        groups: dict[str, list[str]] = {}
        for name in self.maps:
            for place in self.spec.groups[name].places:
                if name not in groups.setdefault(place.tensor, []):
                    groups[place.tensor].append(name)
        return groups

    def apply_lazily(self, weights: Mapping[str, Tensor]) -> LazyWeights:
        """Return the changed weights, each made in float64 when it is asked for.

        Raises:
            PluginError: a map is to act on a network whose norms still scale or shift.
        """
        if self.maps:
            refuse_unfolded(self.spec.canonical, weights)
        permuted = self.permutation.apply_lazily(weights)

        def transformed(name: str) -> Tensor:
            value = permuted[name]
            groups = self._by_tensor.get(name)
            return self._mapped(name, value, groups) if groups else value

        return LazyWeights(weights, transformed)

    def _mapped(self, name: str, value: Tensor, groups: list[str]) -> Tensor:
        moved = value.double()
        for group in groups:
            moved = act(self.spec.groups[group], self._factors[group], name, moved)
        return moved.to(value.dtype)

    def identity(self) -> LinearTransform:
        """Return the transform of the same groups that changes nothing."""
        return LinearTransform(self.spec, self.permutation.identity())

    def inverse(self) -> LinearTransform:
        """Return the transform that undoes this one."""
        back = self.permutation.inverse()
        maps = {
            name: conjugated(self.spec.groups[name], inverted(matrices), back)
            for name, matrices in self.maps.items()
        }
        return LinearTransform(self.spec, back, maps)

    def then(self, other: LinearTransform) -> LinearTransform:
        """Return the transform that does this one, and ``other`` after it."""
        maps = {
            name: conjugated(self.spec.groups[name], matrices, other.permutation)
            for name, matrices in self.maps.items()
        }
        for name, second in other.maps.items():
            first = maps.get(name)
            if first is None:
                maps[name] = second
            else:
                scales = self.spec.groups[name].kind == "scale"
                maps[name] = second * first if scales else second @ first
        return LinearTransform(self.spec, self.permutation.then(other.permutation), maps)

    def only(self, group: str) -> LinearTransform:
        """Return this transform for one group, with all others left alone."""
        moves = {name: move for name, move in self.permutation.moves.items() if name == group}
        maps = {name: matrices for name, matrices in self.maps.items() if name == group}
        return LinearTransform(self.spec, Permutation(self.permutation.spec, moves), maps)


def permutation_part(transform: Transform) -> Permutation:
    """Return the permutation that a transform is, or that is a part of it."""
    found = transform.permutation if isinstance(transform, LinearTransform) else transform
    assert isinstance(found, Permutation)  # there is no third kind
    return found


def factors(group: LinearGroup, matrices: Tensor) -> dict[int, Tensor]:
    """Return what a map does at places of each power of its group; gradients flow.

    Args:
        group: the group.
        matrices: its map, of the group's ``shape``, in any dtype and on any device.

    Returns:
        By power: (outer unit, unit, unit), of scales (outer unit, unit).
    """
    powers = {place.power for place in group.places}
    if group.kind == "scale":
        return {power: matrices**power for power in powers}
    reads = matrices if group.kind == "orthogonal" else None
    if -1 in powers and reads is None:
        reads = torch.linalg.inv(matrices).mT
    return {power: matrices if power == 1 else reads for power in powers}  # type: ignore[misc]


def act(group: LinearGroup, factors: Mapping[int, Tensor], name: str, value: Tensor) -> Tensor:
    """Return a tensor on which a map acts at every place that the group has in it.

    Args:
        group: the group.
        factors: what ``factors`` returns of its map.
        name: the name of the tensor.
        value: the tensor.
    """
    for place in group.places:
        if place.tensor == name:
            factor = factors[place.power].to(value.device, value.dtype)
            move = place.scaled if group.kind == "scale" else place.moved
            value = move(value, factor)
    return value


def distance(group: LinearGroup, matrices: Tensor) -> float:
    """Return by how much a map moves unit vectors, as a root mean square: ||M - I|| / sqrt(n)."""
    return float((matrices - identity_map(group)).norm() / group.all_units**0.5)


def inverted(matrices: Tensor) -> Tensor:
    """Return the inverse of a map: matrices (outer unit, unit, unit), or scales."""
    return 1 / matrices if matrices.ndim == 2 else torch.linalg.inv(matrices)


def identity_map(group: LinearGroup) -> Tensor:
    """Return the map of a group that changes nothing."""
    if group.kind == "scale":
        return torch.ones(group.shape, dtype=torch.float64)
    return torch.eye(group.size, dtype=torch.float64).repeat(group.count, 1, 1)


def conjugated(group: LinearGroup, matrices: Tensor, permutation: Permutation) -> Tensor:
    """Return the map that does after a permutation what another does before it."""
    outer = permutation.moves.get(group.outer)
    if outer is not None:
        matrices = matrices[outer]
    move = permutation.moves.get(group.units)
    if move is None:
        return matrices
    move = move.expand(group.count, group.size)
    matrices = matrices.gather(1, move if group.kind == "scale" else expanded(move, group.size))
    return (
        matrices
        if group.kind == "scale"
        else matrices.mT.gather(1, expanded(move, group.size)).mT.contiguous()
    )


def expanded(move: Tensor, size: int) -> Tensor:
    """Return a move (outer unit, unit) as the index of rows: (outer unit, unit, unit)."""
    return move[:, :, None].expand(-1, -1, size)


def unfit(group: LinearGroup, matrices: Tensor) -> str:
    """Say why matrices are no map of a group; empty if they are."""
    if matrices.shape != group.shape:
        return f"has shape {tuple(matrices.shape)}, not {group.shape}"
    if matrices.dtype != torch.float64 or not matrices.isfinite().all():
        return "is not of finite float64 numbers"
    if group.kind == "scale":
        return "" if (matrices > 0).all() else "has a scale that is not positive"
    if group.kind == "orthogonal":
        eye = torch.eye(group.size, dtype=torch.float64)
        if not torch.allclose(matrices @ matrices.mT, eye, 0, ROUNDING):
            return "is not orthogonal"
        if group.keeps_ones and not torch.allclose(
            matrices.sum(-1), torch.ones((), dtype=torch.float64), 0, ROUNDING
        ):
            return "moves the vector of ones"
    if group.planes is not None and not torch.allclose(
        turned(matrices, group.planes), matrices, ROUNDING, ROUNDING
    ):
        return "does more than rotate and scale each plane"
    if group.kind != "orthogonal" and not (torch.linalg.cond(matrices) < SINGULAR).all():
        return "is singular"
    return ""


def turned(matrices: Tensor, planes: Tensor) -> Tensor:
    """Return the rotation and scale of each plane that is nearest to matrices; gradients flow.

    Args:
        matrices: (outer unit, unit, unit).
        planes: (plane, 2) the units of each plane.
    """
    first, second = planes.T
    cosine = (matrices[:, first, first] + matrices[:, second, second]) / 2
    sine = (matrices[:, second, first] - matrices[:, first, second]) / 2
    return rotations(cosine, sine, planes)


def rotations(cosine: Tensor, sine: Tensor, planes: Tensor) -> Tensor:
    """Return matrices (outer unit, unit, unit) that act on each plane as a complex number.

    Args:
        cosine: (outer unit, plane) the real part of each number.
        sine: (outer unit, plane) the imaginary part.
        planes: (plane, 2) the units of each plane.
    """
    first, second = planes.T
    size = planes.numel()
    matrices = cosine.new_zeros(len(cosine), size, size)
    matrices[:, first, first] = cosine
    matrices[:, second, second] = cosine
    matrices[:, second, first] = sine
    matrices[:, first, second] = -sine
    return matrices


def drawn(group: LinearGroup, generator: torch.Generator) -> Tensor:
    """Return a random map of a group, whose condition number stays small."""
    count, size = group.count, group.size

    def normal(*shape: int) -> Tensor:
        numbers: Tensor = torch.randn(shape, generator=generator, dtype=torch.float64)
        return numbers

    def orthogonal(units: int) -> Tensor:
        q, r = torch.linalg.qr(normal(count, units, units))
        uniform: Tensor = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]  # Mezzadri 2007
        return uniform

    if group.kind == "scale":
        return (normal(count, size) / 2).exp()
    if group.kind == "orthogonal" and not group.keeps_ones:
        return orthogonal(size)
    if group.kind == "orthogonal":
        basis = across_ones(size)
        ones = torch.full((size, size), 1 / size, dtype=torch.float64)
        return basis @ orthogonal(size - 1) @ basis.T + ones
    if group.kind == "rotation":
        assert group.planes is not None
        planes = len(group.planes)
        angle, scale = normal(count, planes) * 3, (normal(count, planes) / 2).exp()
        return rotations(scale * angle.cos(), scale * angle.sin(), group.planes)
    stretched = (normal(count, size) / 2).exp()[:, :, None] * orthogonal(size)
    return orthogonal(size) @ stretched


def across_ones(size: int) -> Tensor:
    """Return (unit, size - 1) an orthonormal basis of all vectors whose numbers sum to 0."""
    frame = torch.eye(size, dtype=torch.float64)
    frame[:, 0] = 1
    basis: Tensor = torch.linalg.qr(frame).Q[:, 1:]
    return basis
