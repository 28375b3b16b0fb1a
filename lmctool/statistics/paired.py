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
    Part,
    channels,
    joined,
    part_of,
    unbiased,
)
from lmctool.statistics.pieces import WHOLE, Pieces

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


@dataclass(frozen=True, slots=True)
class _PairedPart:
    """What a batch, or a piece of it, shows of two networks: their biased covariance too."""

    first: Part
    second: Part
    covariance: Tensor


def _centred(value: Tensor, part: Part, axis: int) -> Tensor:
    """Return (channel, sample) of a value without its mean."""
    values = channels(value, axis)
    return values - part.mean.to(values.dtype)[:, None]


def _joined(parts: Sequence[_PairedPart]) -> _PairedPart:
    """Return what a batch shows, of what its pieces do."""
    first, second = (joined([getattr(p, end) for p in parts]) for end in ("first", "second"))
    covariance = parts[0].covariance
    if len(parts) > 1:
        covariance = torch.zeros_like(covariance)
        for part in parts:
            apart = (part.first.mean - first.mean) * (part.second.mean - second.mean)
            covariance += part.first.count / first.count * (part.covariance + apart)
    return _PairedPart(first, second, covariance)


def paired(
    graph: Graph,
    a: Weights,
    b: Weights,
    axes: Mapping[str, int],
    batches: Iterable[Tensor],
    pieces: Pieces = WHOLE,
) -> dict[str, PairedMoments]:
    """Return the moments of two networks at every tap, and the covariance of paired channels.

    Args:
        graph: the graph of both networks.
        a: the first network.
        b: the second.
        axes: tap -> the axis of its channels.
        batches: (example, ...) the inputs of each batch; unbiased within each, then averaged.
        pieces: how batches go through the graph, of which only rounding depends.

    Raises:
        LmctoolError: a batch has fewer than two values a channel.
    """
    averages = Averages(axes)
    first, second = correction_edits(graph, a), correction_edits(graph, b)

    def shown(inputs: Tensor) -> dict[str, _PairedPart]:
        held: dict[str, tuple[Part, Tensor]] = {}
        found: dict[str, _PairedPart] = {}

        def hold(tap: str) -> Edit:
            def edit(value: Tensor) -> Tensor:
                part = part_of(value, axes[tap])
                held[tap] = part, _centred(value, part, axes[tap])
                return value

            return edit

        def meet(tap: str) -> Edit:
            def edit(value: Tensor) -> Tensor:
                of_a, centred_a = held.pop(tap)
                of_b = part_of(value, axes[tap])
                products = (centred_a * _centred(value, of_b, axes[tap])).sum(1).double()
                found[tap] = _PairedPart(of_a, of_b, products / of_b.count)
                return value

            return edit

        graph.run(a, inputs, first | {tap: chained(first.get(tap), hold(tap)) for tap in axes})
        graph.run(b, inputs, second | {tap: chained(second.get(tap), meet(tap)) for tap in axes})
        return found

    with torch.no_grad():
        for inputs in batches:
            parts = pieces.map(shown, pieces.of(inputs))
            for tap in axes:
                whole = _joined([each[tap] for each in parts])
                one, other = whole.first, whole.second
                covariance = unbiased(whole.covariance, one.count)
                averages.show(tap, one.mean, one.unbiased, other.mean, other.unbiased, covariance)
            averages.add_batch()
    return {tap: PairedMoments.of(each) for tap, each in averages.of_taps().items()}
