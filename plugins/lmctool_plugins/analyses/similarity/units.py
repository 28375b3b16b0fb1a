"""Moments of matched units of pairs of networks, gathered batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from lmctool_plugins.analyses.similarity.kernel import (
    correlation,
    origin,
    procrustes,
    products,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool_plugins.analyses.similarity.alignments import Pair

MEMORY = 1 << 31
"""Bytes that the covariances of all units with all units may take."""


def narrow(units: Sequence[int], pairs: int) -> list[bool]:
    """Tell of which layers the covariances of all units are taken: the narrowest that fit.

    Args:
        units: how many each layer has.
        pairs: how many pairs of networks are compared.
    """
    left, taken = MEMORY, [False] * len(units)
    for layer in sorted(range(len(units)), key=units.__getitem__):
        left -= 8 * pairs * units[layer] ** 2
        taken[layer] = left >= 0
    return taken


@dataclass
class Sums:
    """Sums over samples of one layer of one network, around an origin.

    Attributes:
        origin: (unit,) near the mean.
        first: (unit,) float64 of values.
        second: (unit,) float64 of their squares.
        count: how many samples there were.
    """

    origin: Tensor
    first: Tensor
    second: Tensor
    count: int = 0

    def centred(self, values: Tensor) -> Tensor:
        """Return (sample, unit) around the origin, and add them."""
        values = wide(values) - self.origin
        self.first += values.sum(0, dtype=self.first.dtype)
        self.second += values.square().sum(0, dtype=self.second.dtype)
        self.count += len(values)
        return values

    @property
    def variance(self) -> Tensor:
        """(unit,) biased."""
        return (self.second / self.count - (self.first / self.count).square()).clamp_min(0)

    @classmethod
    def around(cls, values: Tensor) -> Sums:
        """Return sums of nothing yet, around the mean of (sample, unit)."""
        place = origin(wide(values))
        first, second = (torch.zeros_like(place, dtype=torch.float64) for _ in range(2))
        return cls(place, first, second)


@dataclass
class MatchedUnits:
    """Gathers moments of units of pairs of networks.

    Attributes:
        pairs: the networks to compare, each before its second one is shown.
        full: of which layers covariances of all units are taken; of the others of matched ones.
    """

    pairs: Sequence[Pair]
    full: Sequence[bool]
    _sums: dict[int, list[Sums]] = field(default_factory=dict)
    _covariances: dict[Pair, list[Tensor]] = field(default_factory=dict)
    _held: dict[int, list[Tensor]] = field(default_factory=dict)

    def show(self, network: int, layers: Sequence[Tensor]) -> None:
        """Take the (sample, unit) of each layer of one network on a batch, in their order."""
        if network not in self._sums:
            self._sums[network] = [Sums.around(each) for each in layers]
        sums = self._sums[network]
        own = [each.centred(values) for each, values in zip(sums, layers, strict=True)]
        for pair in self.pairs:
            if pair[1] == network:
                self._add(pair, self._held[pair[0]], own)
        self._held[network] = own
        for held in [*self._held]:
            if all(network >= second for first, second in self.pairs if first == held):
                del self._held[held]

    def _add(self, pair: Pair, first: Sequence[Tensor], second: Sequence[Tensor]) -> None:
        found = [
            products(x, y) if full else (x * y).sum(0).double()
            for x, y, full in zip(first, second, self.full, strict=True)
        ]
        before = self._covariances.get(pair)
        self._covariances[pair] = (
            found if before is None else [a.add_(b) for a, b in zip(before, found, strict=True)]
        )

    def of(self, pair: Pair) -> tuple[list[float], list[float]]:
        """Return the mean correlation and the Procrustes distance of each layer of a pair.

        The distance is NaN of layers whose covariances of all units are not taken.
        """
        correlations, distances = [], []
        sums = zip(*(self._sums[network] for network in pair), strict=True)
        for (a, b), sum_, full in zip(sums, self._covariances[pair], self.full, strict=True):
            means = a.first / a.count, b.first / b.count
            covariance = sum_ / a.count
            covariance -= means[0].outer(means[1]) if full else means[0] * means[1]
            matched = covariance.diagonal() if full else covariance
            correlations.append(correlation(matched, a.variance, b.variance))
            whole = (float(each.variance.sum()) for each in (a, b))
            distances.append(procrustes(covariance, *whole) if full else float("nan"))
        return correlations, distances
