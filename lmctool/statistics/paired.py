"""Moments of two networks whose units are paired by position, in one pass over the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.graph.tap_affine import chained, correction_edits
from lmctool.statistics.moments import Average, Moments, channels

if TYPE_CHECKING:
    from lmctool.graph.graph import Edit, Graph

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class PairedMoments:
    """Moments of two networks at one tap, and how far their units go together.

    Attributes:
        first: the moments of A.
        second: the moments of B.
        covariance: (channel,) float64 of channel i of A with channel i of B, taken as the
            variances are: the average of the batches' unbiased covariances.
    """

    first: Moments
    second: Moments
    covariance: Tensor

    def correlation(self) -> Tensor:
        """Return (channel,): covariance / (std_A std_B), 0 where a channel never varies."""
        spread = self.first.std * self.second.std
        return torch.where(spread > 0, self.covariance / spread, 0)

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tensors that ``of`` makes it of again."""
        return *self.first.parts, *self.second.parts, self.covariance

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> PairedMoments:
        """Return the moments that have these parts."""
        return cls(Moments.of(parts[:2]), Moments.of(parts[2:4]), parts[4])


class _Pair:
    """Adds up the moments of both networks."""

    def __init__(self, axis: int) -> None:
        self.axis = axis
        self.first, self.second = Average(), Average()
        self.covariance: Tensor | float = 0.0
        self.centred_a = torch.empty(0)

    def hold(self, value: Tensor) -> None:
        """Take A's value of a batch."""
        mean, _ = self.first.add(value, self.axis)
        self.centred_a = _centred(value, self.axis, mean)

    def meet(self, value: Tensor) -> None:
        """Take B's value of the same batch."""
        mean, _ = self.second.add(value, self.axis)
        centred = _centred(value, self.axis, mean)
        count = centred.shape[1]
        self.covariance = self.covariance + (self.centred_a * centred).sum(1).double() / (count - 1)
        self.centred_a = torch.empty(0)

    def moments(self) -> PairedMoments:
        """Return the averages over the batches."""
        first, second = self.first.moments(), self.second.moments()
        return PairedMoments(first, second, torch.as_tensor(self.covariance) / self.first.batches)


def _centred(value: Tensor, axis: int, mean: Tensor) -> Tensor:
    values = channels(value, axis)
    return values - mean.to(values.dtype)[:, None]


def paired(
    graph: Graph, a: Weights, b: Weights, axes: Mapping[str, int], batches: Iterable[Tensor]
) -> dict[str, PairedMoments]:
    """Return the moments of two networks at every tap, and the covariance of paired channels.

    Args:
        graph: the graph of both networks.
        a: the first network.
        b: the second.
        axes: tap -> the axis of its channels.
        batches: (example, ...) the inputs of each batch; unbiased within each, then averaged.

    Raises:
        LmctoolError: a batch has fewer than two values a channel.
    """
    sums = {tap: _Pair(axis) for tap, axis in axes.items()}

    def hold(tap: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            sums[tap].hold(value)
            return value

        return edit

    def meet(tap: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            sums[tap].meet(value)
            return value

        return edit

    first, second = correction_edits(graph, a), correction_edits(graph, b)
    holding = first | {tap: chained(first.get(tap), hold(tap)) for tap in axes}
    meeting = second | {tap: chained(second.get(tap), meet(tap)) for tap in axes}
    with torch.no_grad():
        for inputs in batches:
            graph.run(a, inputs, holding)
            graph.run(b, inputs, meeting)
    return {tap: pair.moments() for tap, pair in sums.items()}
