"""Moments of activations, taken in one pass over the data, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from lmctool.graph.graph import Edit, Graph
    from lmctool.symmetry.spec import Tap

Weights = Mapping[str, Tensor]
Batches = Iterable[Tensor]


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


@dataclass(frozen=True, slots=True)
class Goal:
    """The mean and standard deviation that a tap's channels are renormalised to.

    Attributes:
        axis: the axis of the channels.
        mean: (channel,) float64.
        std: (channel,) float64.
        epsilon: added to the batch's variance, as a BatchNorm does.
    """

    axis: int
    mean: Tensor
    std: Tensor
    epsilon: float = 1e-5


class _Average:
    """Adds up the moments of batches."""

    def __init__(self) -> None:
        self.batches = 0
        self.mean: Tensor | float = 0.0
        self.variance: Tensor | float = 0.0

    def add(self, value: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        """Add a batch; return its mean and biased variance, (channel,) float64."""
        channels = value.movedim(axis, 0).flatten(1).double()
        count = channels.shape[1]
        if count < 2:
            raise LmctoolError("batch statistics need two examples or more; raise --calib-size")
        variance, mean = torch.var_mean(channels, dim=1, correction=0)
        self.batches += 1
        self.mean = self.mean + mean
        self.variance = self.variance + variance * (count / (count - 1))
        return mean, variance

    def moments(self) -> Moments:
        """Return the averages over the batches."""
        if not isinstance(self.mean, Tensor) or not isinstance(self.variance, Tensor):
            raise LmctoolError("statistics were asked of no example")
        return Moments(self.mean / self.batches, self.variance / self.batches)


def measured(
    graph: Graph, weights: Weights, axes: Mapping[str, int], batches: Batches
) -> dict[str, Moments]:
    """Return the moments at each tap of a network as it is.

    Args:
        graph: the model's graph.
        weights: the network.
        axes: tap -> the axis of its channels.
        batches: (example, ...) the inputs of each batch.
    """
    averages = {tap: _Average() for tap in axes}

    def read(tap: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            averages[tap].add(value, axes[tap])
            return value

        return edit

    _pass(graph, weights, {tap: read(tap) for tap in axes}, batches)
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
    averages = {tap: _Average() for tap in goals}

    def renormalise(tap: str, goal: Goal) -> Edit:
        def edit(value: Tensor) -> Tensor:
            mean, variance = averages[tap].add(value, goal.axis)
            scale = goal.std / (variance + goal.epsilon).sqrt()
            return affine(value, goal.axis, scale, goal.mean - mean * scale)

        return edit

    _pass(graph, weights, {tap: renormalise(tap, goal) for tap, goal in goals.items()}, batches)
    return {tap: average.moments() for tap, average in averages.items()}


def affine(value: Tensor, axis: int, scale: Tensor, shift: Tensor) -> Tensor:
    """Return ``scale * value + shift`` along an axis, in the dtype of the value."""
    shape = [1] * value.ndim
    shape[axis] = -1
    return value * scale.to(value.dtype).view(shape) + shift.to(value.dtype).view(shape)


@dataclass(frozen=True, slots=True)
class CrossMoments:
    """Means, variances and covariances of the units of two networks at one tap.

    Attributes:
        mean_a: (unit of A,) float64.
        mean_b: (unit of B,) float64.
        variance_a: (unit of A,) biased.
        variance_b: (unit of B,) biased.
        covariance: (unit of A, unit of B) biased.
    """

    mean_a: Tensor
    mean_b: Tensor
    variance_a: Tensor
    variance_b: Tensor
    covariance: Tensor

    def correlation(self) -> Tensor:
        """Return (unit of A, unit of B): covariance / (std_A std_B), 0 where a unit never varies.

        Public code adds 1e-4 to the denominator.  That favours pairs of one strong and one weak
        unit over two weak ones, so that even a permuted copy isn't matched with itself.
        """
        spread = torch.outer(self.variance_a.sqrt(), self.variance_b.sqrt())
        return torch.where(spread > 0, self.covariance / spread, 0)


class _Cross:
    """Adds up products of the units of two networks around their first batch's means."""

    def __init__(self) -> None:
        self.count = 0
        self.origins: tuple[Tensor, Tensor] | None = None
        self.sums: list[Tensor] = []

    def add(self, a: Tensor, b: Tensor) -> None:
        """Add (unit, sample) of both networks on the same samples."""
        x, y = a.double(), b.double()
        if self.origins is None:
            self.origins = (x.mean(1, keepdim=True), y.mean(1, keepdim=True))
        x, y = x - self.origins[0], y - self.origins[1]
        new = [x.sum(1), y.sum(1), (x * x).sum(1), (y * y).sum(1), x @ y.T]
        old = self.sums or [torch.zeros_like(part) for part in new]
        self.sums = [total + part for total, part in zip(old, new, strict=True)]
        self.count += x.shape[1]

    def moments(self) -> CrossMoments:
        """Return the moments over all samples."""
        if self.origins is None:
            raise LmctoolError("correlations were asked of no example")
        x, y, xx, yy, xy = (part / self.count for part in self.sums)
        return CrossMoments(
            mean_a=self.origins[0].flatten() + x,
            mean_b=self.origins[1].flatten() + y,
            variance_a=(xx - x * x).clamp_min(0),
            variance_b=(yy - y * y).clamp_min(0),
            covariance=xy - torch.outer(x, y),
        )


def cross(
    graph: Graph, a: Weights, b: Weights, taps: Iterable[Tap], batches: Batches
) -> dict[Tap, CrossMoments]:
    """Return the cross-moments of two networks at every tap, in one pass over the data.

    Permuting earlier layers of B only relabels the units of later ones, so one pass serves the
    alignment of all groups.

    Args:
        graph: the graph of both networks.
        a: the first network.
        b: the second.
        taps: where, and which block of the value's axis.
        batches: (example, ...) the inputs of each batch; their size doesn't matter.
    """
    sums = {tap: _Cross() for tap in taps}
    nodes: dict[str, list[Tap]] = {}
    for tap in sums:
        nodes.setdefault(tap.node, []).append(tap)
    values: dict[str, Tensor] = {}

    def keep(node: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            values[node] = value
            return value

        return edit

    def pair(node: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            first = values.pop(node)
            for tap in nodes[node]:
                sums[tap].add(tap.units(first), tap.units(value))
            return value

        return edit

    keepers = {node: keep(node) for node in nodes}
    pairers = {node: pair(node) for node in nodes}
    with torch.no_grad():
        for inputs in batches:
            graph.run(a, inputs, keepers)
            graph.run(b, inputs, pairers)
    return {tap: total.moments() for tap, total in sums.items()}


def _pass(
    graph: Graph,
    weights: Weights,
    edits: Mapping[str, Callable[[Tensor], Tensor]],
    batches: Batches,
) -> None:
    with torch.no_grad():
        for inputs in batches:
            graph.run(weights, inputs, edits)
