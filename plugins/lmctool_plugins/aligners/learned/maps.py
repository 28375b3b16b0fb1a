"""Maps of linear groups as functions of numbers that may take any values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from lmctool.api.advanced import LinearGroup


@dataclass(frozen=True, slots=True, eq=False)
class LearnedMap:
    """The map of one group: a start, and a change of it that is learned.

    Every change is the exponential of a generator, and none where the numbers are 0: of a
    skew-symmetric matrix for rotations, of any matrix for invertible maps, of a complex number for
    each plane of a rotary position encoding, of a logarithm for each scale.

    Attributes:
        group: the group.
        start: its map at the start, of the group's ``shape``, float64.
        stretches: whether the change of an invertible map is any, and of a plane a scale too;
            else both are rotations.
        planes: the group's, on the device of the start.
    """

    group: LinearGroup
    start: Tensor
    stretches: bool
    planes: Tensor | None

    def numbers(self, dtype: torch.dtype) -> Tensor:
        """Return the numbers of the start, all 0: what is learned, on the device of the start."""
        count = self.group.count
        shape = self.group.shape if self.planes is None else (count, *self.planes.shape)
        return self.start.new_zeros(shape, dtype=dtype, requires_grad=True)

    def __call__(self, numbers: Tensor) -> Tensor:
        """Return the map in the dtype of the numbers; gradients flow to them."""
        start, change = self.start.to(numbers.dtype), self._change(numbers)
        return start * change if self.group.kind == "scale" else start @ change

    def exact(self, numbers: Tensor) -> Tensor:
        """Return the map in float64 on the CPU, orthogonal to rounding where its group is."""
        matrices = self(numbers.detach().double()).cpu()
        orthogonal = self.group.kind == "orthogonal"
        return nearest_orthogonal(self.group, matrices) if orthogonal else matrices

    def _change(self, numbers: Tensor) -> Tensor:
        import torch

        from lmctool.api.advanced import rotations

        if self.group.kind == "scale":
            return numbers.exp()
        if self.planes is not None:
            logarithm, angle = numbers.unbind(-1)
            scale = logarithm.exp() if self.stretches else torch.ones_like(logarithm)
            return rotations(scale * angle.cos(), scale * angle.sin(), self.planes)
        stretches = self.group.kind == "invertible" and self.stretches
        generator = numbers if stretches else skew(self.group, numbers)
        change: Tensor = torch.linalg.matrix_exp(generator)
        return change


def skew(group: LinearGroup, numbers: Tensor) -> Tensor:
    """Return the generator of a rotation, of the numbers (outer unit, unit, unit) below a diagonal.

    Where the vector of ones is to stay, the generator has no part along it.
    """
    lower = numbers.tril(-1)
    generator = lower - lower.mT
    if not group.keeps_ones:
        return generator
    generator = generator - generator.mean(-1, keepdim=True)
    return generator - generator.mean(-2, keepdim=True)


def nearest_orthogonal(group: LinearGroup, matrices: Tensor) -> Tensor:
    """Return the maps of an orthogonal group that are nearest to matrices.

    The orthogonal factor of the polar decomposition; where the vector of ones is to stay, of what
    a matrix does across it.

    Args:
        group: the group.
        matrices: (outer unit, unit, unit) float64.
    """
    import torch

    from lmctool.api.advanced import across_ones

    if group.keeps_ones:
        basis = across_ones(group.size)
        u, _, v = torch.linalg.svd(basis.T @ matrices @ basis)
        nearest: Tensor = basis @ u @ v @ basis.T + 1 / group.size
    else:
        u, _, v = torch.linalg.svd(matrices)
        nearest = u @ v
    return nearest


def condition(group: LinearGroup, matrices: Tensor) -> Tensor:
    """Return (outer unit,) how much each map stretches at most, to how much at least."""
    import torch

    if group.kind == "scale":
        return matrices.amax(-1) / matrices.amin(-1)
    numbers: Tensor = torch.linalg.cond(matrices)
    return numbers
