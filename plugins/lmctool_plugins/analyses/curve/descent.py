"""Stochastic gradient descent on the bends of a curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

MOMENTUM = 0.9
"""The share of the last move that each step keeps."""


@dataclass(eq=False)
class Descent:
    """The points of a curve as vectors, of which the bends are moved to where the loss is low.

    Attributes:
        points: (point, weight) A, the bends and B; the bends are changed in place.
        moves: (bend, weight) what the next step keeps of the last one.
    """

    points: Tensor
    moves: Tensor

    @classmethod
    def begin(cls, bends: int, a: Tensor, b: Tensor) -> Descent:
        """Return the curve whose bends divide the straight line evenly.

        Args:
            bends: how many there are.
            a: (weight,) the first end.
            b: (weight,) the second.
        """
        import torch

        shares = [k / (bends + 1) for k in range(1, bends + 1)]
        points = torch.stack([a, *(torch.lerp(a, b, share) for share in shares), b])
        return cls(points, torch.zeros_like(points[1:-1]))

    @property
    def bends(self) -> Tensor:
        """The bends, (bend, weight)."""
        return self.points[1:-1]

    def step(self, loss: Callable[[Tensor], Tensor], counts: Tensor, rate: float) -> Tensor:
        """Move the bends against the gradient at one place, and return the loss there, ().

        By the chain rule the gradient of a bend is that of the place, times how much the bend
        counts there.

        Args:
            loss: the loss as a function of a place, (weight,).
            counts: (point,) how much each point counts at the place; see ``coefficients``.
            rate: the learning rate.
        """
        import torch

        place = (counts @ self.points).requires_grad_()
        value = loss(place)
        (gradient,) = torch.autograd.grad(value, place)
        with torch.no_grad():
            self.moves.mul_(MOMENTUM).add_(torch.outer(counts[1:-1], gradient))
            self.bends.sub_(self.moves, alpha=rate)
        return value.detach()
