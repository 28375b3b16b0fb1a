"""Descent on the scores of groups, of which each gets a pace of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

MOMENTUM = 0.9
"""The share of the mean gradient that each step keeps."""
MEMORY = 0.99
"""The share of the mean square that each step keeps."""


class Descent:
    """Adam with one second moment for each group in place of one for each score.

    Divided by its own second moment, the score of an unlikely pair, whose gradient the softmax
    all but removes, would move as far as that of a likely one.
    """

    def __init__(self, scores: Sequence[Tensor]) -> None:
        """Keep the scores, (..., place, unit) of each group; they are changed in place."""
        import torch

        self.scores = list(scores)
        self.means = [torch.zeros_like(each) for each in self.scores]
        self.squares = [torch.zeros((), device=each.device) for each in self.scores]
        self.steps = [0 for _ in self.scores]

    def move(self, place: int, gradient: Tensor, rate: float) -> None:
        """Lower a loss by the scores of one group.

        Args:
            place: of the group, among the scores.
            gradient: of the loss by its scores.
            rate: how far the scores of one place move, as a norm, where gradients agree.
        """
        import torch

        self.steps[place] += 1
        steps = self.steps[place]
        with torch.no_grad():
            square = gradient.square().sum(-1).mean()
            self.means[place].lerp_(gradient, 1 - MOMENTUM)
            self.squares[place] = MEMORY * self.squares[place] + (1 - MEMORY) * square
            # Both averages start at 0; divided by the weight of what is in them they don't lag.
            norm = (self.squares[place] / (1 - MEMORY**steps)).sqrt()
            change = (self.means[place] / (1 - MOMENTUM**steps)).mul_(rate)
            # not 0 / 0 without a gradient
            self.scores[place] -= change.div_(norm.clamp_min(1e-12))
