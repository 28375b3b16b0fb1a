"""Moments of two networks whose units are paired by position, in one pass over the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.graph.tap_affine import chained, correction_edits
from lmctool.statistics.moments import (
    Averages,
    Moments,
    batch_moments,
    channels,
    samples,
    unbiased,
)

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


def _centred(value: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and unbiased variance, (channel,), and (channel, sample) without the mean."""
    mean, variance = batch_moments(value, axis)
    values = channels(value, axis)
    centred = values - mean.to(values.dtype)[:, None]
    return mean, unbiased(variance, samples(value, axis)), centred


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
    averages = Averages(axes)
    held: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    def hold(tap: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            held[tap] = _centred(value, axes[tap])
            return value

        return edit

    def meet(tap: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            mean_a, variance_a, centred_a = held.pop(tap)
            mean_b, variance_b, centred_b = _centred(value, axes[tap])
            products = (centred_a * centred_b).sum(1).double()
            covariance = products / (samples(value, axes[tap]) - 1)
            averages.show(tap, mean_a, variance_a, mean_b, variance_b, covariance)
            return value

        return edit

    first, second = correction_edits(graph, a), correction_edits(graph, b)
    holding = first | {tap: chained(first.get(tap), hold(tap)) for tap in axes}
    meeting = second | {tap: chained(second.get(tap), meet(tap)) for tap in axes}
    with torch.no_grad():
        for inputs in batches:
            graph.run(a, inputs, holding)
            graph.run(b, inputs, meeting)
            averages.add_batch()
    return {tap: PairedMoments.of(parts) for tap, parts in averages.of_taps().items()}
