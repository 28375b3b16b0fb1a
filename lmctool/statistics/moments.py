"""Means and variances of activations, taken in one pass over the data.

Each batch is summed around its own mean in the dtype of its values (at least float32), batches in
float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from lmctool.errors import LmctoolError
from lmctool.graph.tap_affine import affine, chained, correction_edits

if TYPE_CHECKING:
    from lmctool.graph.graph import Edit, Graph

Weights = Mapping[str, Tensor]
Batches = Iterable[Tensor]

TOO_FEW = "batch statistics need two examples or more; raise --calib-size"


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance of each channel at one tap, as a BatchNorm in training mode takes them.

    Attributes:
        mean: (channel,) float64, the average of the batches' means.
        variance: (channel,) float64, the average of the batches' unbiased variances.
    """

    mean: Tensor
    variance: Tensor

    @property
    def std(self) -> Tensor:
        """(channel,) the square root of the variance."""
        return self.variance.sqrt()

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tensors that ``of`` makes it of again."""
        return self.mean, self.variance

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Moments:
        """Return the moments that have these parts."""
        mean, variance = parts
        return cls(mean, variance)


@dataclass(frozen=True, slots=True)
class Goal:
    """The mean and standard deviation that a tap's channels are renormalised to.

    Attributes:
        axis: the axis of the channels.
        mean: (channel,) float64; None keeps each channel's own.
        std: (channel,) float64; None keeps each channel's own.
        epsilon: added to the variance that a channel has, as a BatchNorm does.
    """

    axis: int
    mean: Tensor | None
    std: Tensor | None
    epsilon: float = 1e-5

    def correction(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale and the shift that bring channels to the goal, (channel,) each.

        Args:
            mean: (channel,) the mean that they have.
            variance: (channel,) the variance that they have.
        """
        scale = torch.ones_like(variance)
        if self.std is not None:
            scale = self.std / (variance + self.epsilon).sqrt()
        return scale, (mean if self.mean is None else self.mean) - mean * scale


def channels(value: Tensor, axis: int) -> Tensor:
    """Return (channel, sample) of a value whose channels lie along an axis, at least float32."""
    return wide(value).movedim(axis, 0).flatten(1)


def wide(value: Tensor) -> Tensor:
    """Return values that can be summed: those of 16 bits as float32."""
    return value.float() if value.dtype.itemsize < 4 else value


class Average:
    """Adds up the moments of batches."""

    def __init__(self) -> None:
        """Begin with no batch."""
        self.batches = 0
        self.mean: Tensor | float = 0.0
        self.variance: Tensor | float = 0.0

    def add(self, value: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        """Add a batch; return its mean and biased variance, (channel,) float64."""
        values = channels(value, axis)
        count = values.shape[1]
        if count < 2:
            raise LmctoolError(TOO_FEW)
        mean = values.mean(1)
        variance = (values - mean[:, None]).square_().mean(1).double()
        mean = mean.double()
        self.batches += 1
        self.mean = self.mean + mean
        self.variance = self.variance + variance * (count / (count - 1))
        return mean, variance

    def renormalise(self, value: Tensor, goal: Goal) -> Tensor:
        """Add a batch; return it with the mean and the standard deviation of the goal."""
        count = value.numel() // value.shape[goal.axis]
        if goal.mean is None or goal.std is None or goal.axis != 1 or value.dtype.itemsize < 4:
            return affine(value, goal.axis, *goal.correction(*self.add(value, goal.axis)))
        if count < 2:
            raise LmctoolError(TOO_FEW)
        weight, bias = goal.std.to(value.dtype), goal.mean.to(value.dtype)
        mean, variance = torch.zeros_like(bias), torch.zeros_like(bias)
        renormalised = batch_norm(
            value, mean, variance, weight, bias, training=True, momentum=1.0, eps=goal.epsilon
        )
        self.batches += 1
        self.mean = self.mean + mean.double()
        self.variance = self.variance + variance.double()
        return renormalised

    def moments(self) -> Moments:
        """Return the averages over the batches."""
        if not isinstance(self.mean, Tensor) or not isinstance(self.variance, Tensor):
            raise LmctoolError("statistics were asked of no example")
        return Moments(self.mean / self.batches, self.variance / self.batches)


def measured(
    graph: Graph, weights: Weights, axes: Mapping[str, int], batches: Batches
) -> dict[str, Moments]:
    """Return the moments at each tap of a network as it is, corrections included.

    Args:
        graph: the model's graph.
        weights: the network.
        axes: tap -> the axis of its channels.
        batches: (example, ...) the inputs of each batch.
    """
    averages = {tap: Average() for tap in axes}

    def read(tap: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            averages[tap].add(value, axes[tap])
            return value

        return edit

    edits = correction_edits(graph, weights)
    edits |= {tap: chained(edits.get(tap), read(tap)) for tap in axes}
    _pass(graph, weights, edits, batches)
    return {tap: average.moments() for tap, average in averages.items()}


def renormalised(
    graph: Graph, weights: Weights, goals: Mapping[str, Goal], batches: Batches
) -> dict[str, Moments]:
    """Return the moments at each tap while every tap is renormalised batch by batch.

    The exact variant of REPAIR (Jordan et al. 2023, section 4.2): behind each tap stands a
    BatchNorm in training mode, whose weight and bias are the goal's standard deviation and mean;
    what it measures is what a network corrected up to there shows.

    Args:
        graph: the model's graph.
        weights: the network to be corrected.
        goals: tap -> what its channels are renormalised to.
        batches: (example, ...) the inputs of each batch; their size is part of the result.
    """
    averages = {tap: Average() for tap in goals}
    edits = {tap: partial(averages[tap].renormalise, goal=goal) for tap, goal in goals.items()}
    _pass(graph, weights, edits, batches)
    return {tap: average.moments() for tap, average in averages.items()}


def _pass(
    graph: Graph,
    weights: Weights,
    edits: Mapping[str, Edit],
    batches: Batches,
) -> None:
    with torch.no_grad():
        for inputs in batches:
            graph.run(weights, inputs, edits)
