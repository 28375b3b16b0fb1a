"""CKA of several networks, gathered batch by batch: of minibatches, or of all examples at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from lmctool_plugins.analyses.similarity.kernel import (
    augmented,
    cka,
    gram,
    hsic,
    origin,
    whole_hsic,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Pair = tuple[int, int]
"""The numbers of two networks."""


class KernelAlignments(Protocol):
    """Gathers what CKA of pairs of networks needs."""

    def show(self, network: int, layers: Sequence[Tensor]) -> None:
        """Take the (example, feature) of each layer of one network on a batch."""

    def add_batch(self) -> None:
        """Add what all networks showed on a batch."""

    def of(self, pair: Pair) -> Tensor:
        """Return CKA of each layer of the first network with each of the second, (layer, layer)."""


class OfMinibatches:
    """CKA from the mean over minibatches of HSIC (Nguyen, Raghu and Kornblith 2021, equation 2)."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        """Begin with no batch.

        Args:
            pairs: the networks to compare.
        """
        self._grams: dict[int, Tensor] = {}
        self._between: dict[Pair, Tensor | float] = dict.fromkeys(pairs, 0.0)
        self._own: dict[int, Tensor | float] = {}

    def show(self, network: int, layers: Sequence[Tensor]) -> None:
        """Take the (example, feature) of each layer of one network on a minibatch."""
        self._grams[network] = torch.stack([gram(each) for each in layers])

    def add_batch(self) -> None:
        """Add the HSIC of a minibatch, each of which counts the same."""
        for network, grams in self._grams.items():
            count = grams.shape[-1]
            own = grams.square().sum((1, 2)) / (count * (count - 3))
            self._own[network] = self._own.get(network, 0.0) + own
        for pair in self._between:
            self._between[pair] += hsic(*(self._grams[each] for each in pair))
        self._grams.clear()

    def of(self, pair: Pair) -> Tensor:
        """Return CKA of each layer of the first network with each of the second, (layer, layer)."""
        return cka(*map(torch.as_tensor, (self._between[pair], *(self._own[n] for n in pair))))


class OfAllExamples:
    """CKA from HSIC of all examples, by sums of products of features: no batch decides it."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        """Begin with no batch.

        Args:
            pairs: the networks to compare.
        """
        self._origins: dict[int, list[Tensor]] = {}
        self._shown: dict[int, list[Tensor]] = {}
        self._between: dict[Pair, Tensor | float] = dict.fromkeys(pairs, 0.0)
        self._own: dict[int, list[Tensor]] = {}

    def show(self, network: int, layers: Sequence[Tensor]) -> None:
        """Take the (example, feature) of each layer of one network on a batch."""
        values = [*map(wide, layers)]
        if network not in self._origins:
            self._origins[network] = [*map(origin, values)]
        origins = self._origins[network]
        self._shown[network] = [v - o for v, o in zip(values, origins, strict=True)]

    def add_batch(self) -> None:
        """Add the products of a batch."""
        columns = {network: augmented(layers) for network, layers in self._shown.items()}
        for first, second in self._between:
            products = columns[first].T @ columns[second]
            self._between[first, second] += products.double()
        for network, layers in self._shown.items():
            own = [augmented([each]) for each in layers]
            products_of_own = [(each.T @ each).double() for each in own]
            before = self._own.get(network)
            self._own[network] = (
                products_of_own
                if before is None
                else [a + b for a, b in zip(before, products_of_own, strict=True)]
            )

    def of(self, pair: Pair) -> Tensor:
        """Return CKA of each layer of the first network with each of the second, (layer, layer)."""
        sizes = [[len(each) for each in self._origins[network]] for network in pair]
        between = whole_hsic(torch.as_tensor(self._between[pair]), *sizes)
        own = [
            torch.cat(
                [
                    whole_hsic(products, [size], [size])[0]
                    for products, size in zip(self._own[network], own_sizes, strict=True)
                ]
            )
            for network, own_sizes in zip(pair, sizes, strict=True)
        ]
        return cka(between, *own)
