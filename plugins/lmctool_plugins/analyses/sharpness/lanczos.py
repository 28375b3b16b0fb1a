"""The Lanczos process of a symmetric matrix that is known by its products with vectors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from lmctool.api import Array

    Product = Callable[[Tensor], Tensor]

LOST = 100
"""What is left of a vector is rounding where it is no more than so many units of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Ritz:
    """What a Krylov space knows of the eigenvalues of a matrix.

    Attributes:
        values: (node,) Ritz values, rising; those at both ends converge first.
        residuals: (node,) |H x - value x| of each Ritz vector x of norm 1, as the process predicts
            it, without rounding: an eigenvalue lies no further from the value than that.
        weights: (node,) squared components of the start vector along the Ritz vectors, of sum 1:
            with the values the nodes and weights of Gauss quadrature.
        components: (step, node) the Ritz vectors by those of the process.
        basis: (step, size) the vectors of the process.
    """

    values: Array
    residuals: Array
    weights: Array
    components: Array
    basis: Tensor

    @property
    def radius(self) -> float:
        """The largest size of a value."""
        return float(np.abs(self.values).max())

    def largest(self, product: Product, count: int) -> tuple[Array, Array]:
        """Return the largest values, falling, and their measured residuals, (rank,).

        Args:
            product: returns the matrix times a vector.
            count: how many; NaN for those that are not there.
        """
        there = range(len(self.values) - 1, max(len(self.values) - count, 0) - 1, -1)
        found = np.full((2, count), np.nan)
        for rank, node in enumerate(there):
            found[:, rank] = self.values[node], self.measured(product, node)
        return found[0], found[1]

    def lowest(self, product: Product, tolerance: float) -> tuple[float, float]:
        """Return the lowest value, NaN where it has not converged, and its measured residual.

        Args:
            product: returns the matrix times a vector.
            tolerance: the greatest residual, as a share of ``radius``.
        """
        value, residual = float(self.values[0]), self.measured(product, 0)
        return (value if residual <= tolerance * self.radius else math.nan), residual

    def measured(self, product: Product, node: int) -> float:
        """Return the residual of a Ritz vector by one more product, rounding and all."""
        import torch

        value = float(self.values[node])
        if not math.isfinite(value):
            return math.nan
        vector = self.basis.T @ torch.from_numpy(self.components[:, node]).to(self.basis)
        vector = vector / vector.norm()
        return float((product(vector) - value * vector).double().norm())

    def converged(self, count: int, tolerance: float) -> bool:
        """Tell whether the largest ones and the lowest have.

        Args:
            count: how many of the largest.
            tolerance: the greatest residual, as a share of ``radius``.
        """
        residuals = [*self.residuals[-count:], self.residuals[0]]
        return len(self.values) >= count and max(residuals) <= tolerance * self.radius


def ritz(diagonal: Array, beside: Array, basis: Tensor) -> Ritz:
    """Return what a tridiagonal matrix of the Lanczos process tells.

    Args:
        diagonal: (step,) its diagonal.
        beside: (step,) the numbers beside it, the last of which has no place in it: the norm of
            what would have been the next vector.
        basis: (step, size) the vectors of the process.
    """
    matrix = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
    values, vectors = np.linalg.eigh(matrix)
    return Ritz(values, np.abs(beside[-1] * vectors[-1]), vectors[0] ** 2, vectors, basis)


def lanczos(
    product: Product,
    start: Tensor,
    steps: int,
    draw: Callable[[], Tensor],
    enough: Callable[[Ritz], bool] = lambda _: False,
) -> Ritz:
    """Return the Ritz values of a symmetric matrix, of (steps, size) vectors in memory.

    Each vector is made orthogonal to all before it, twice, so that no eigenvalue is found again.
    Where the space of the start vector is exhausted, the process goes on in what is orthogonal to
    it, so that an eigenvalue of several dimensions can be found as often; the weights stay those
    of the start vector.  Of a product that is no number there is a single value, NaN.

    Args:
        product: returns the matrix times a vector, both (size,).
        start: (size,) any vector but 0.
        steps: the most products; no more than ``size`` are made.
        draw: returns a random vector, (size,).
        enough: is asked after each step whether it may end.
    """
    size = len(start)
    steps = min(steps, size)
    basis = start.new_empty((steps, size))
    basis[0] = start / start.norm()
    diagonal, beside, scale = list[float](), list[float](), 0.0
    lost = LOST * float(np.finfo(str(start.dtype).rpartition(".")[2]).eps)
    while True:
        known = basis[: len(diagonal) + 1]
        left = product(known[-1])
        diagonal.append(float(left.double() @ known[-1].double()))
        if not math.isfinite(diagonal[-1]):
            none = np.full(1, np.nan)
            return Ritz(none, none, none, none[None], known[:1])
        left = _orthogonal(left, known)
        norm = float(left.double().norm())
        scale = max(scale, abs(diagonal[-1]), norm)
        whole = len(known) == size
        exhausted = whole or norm <= lost * scale
        beside.append(0.0 if exhausted else norm)
        found = ritz(np.array(diagonal), np.array(beside), known)
        if len(known) == steps or enough(found):
            return found
        if exhausted:
            left = _orthogonal(draw(), known)
            norm = float(left.double().norm())
        basis[len(known)] = left / norm


def _orthogonal(vector: Tensor, known: Tensor) -> Tensor:
    """Return a vector without its components along orthonormal ones, (known, size)."""
    for _ in range(2):  # one pass leaves what rounding of large components makes
        vector = vector - known.T @ (known @ vector)
    return vector
