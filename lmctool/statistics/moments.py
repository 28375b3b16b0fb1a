"""Means and variances of activations, taken in one pass over the data.

Each batch is summed around its own mean in the dtype of its values (at least float32), batches in
float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.graph.tap_affine import chained, correction_edits

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


def channels(value: Tensor, axis: int) -> Tensor:
    """Return (channel, sample) of a value whose channels lie along an axis, at least float32."""
    return wide(value).movedim(axis, 0).flatten(1)


def samples(value: Tensor, axis: int) -> int:
    """Return how many values each channel has."""
    return value.numel() // value.shape[axis]


def wide(value: Tensor) -> Tensor:
    """Return values that can be summed: those of 16 bits as float32."""
    return value.float() if value.dtype.itemsize < 4 else value


def batch_moments(value: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return the mean and the biased variance of each channel over a batch, (channel,) each.

    In float64 on a CPU.  Elsewhere in the dtype of the values (at least float32), by one kernel
    that copies nothing; on a CPU that kernel is up to four times as slow as what is done there.

    Args:
        value: the values of a batch.
        axis: the axis of its channels.

    Raises:
        LmctoolError: a channel has fewer than two values.
    """
    if samples(value, axis) < 2:
        raise LmctoolError(TOO_FEW)
    if value.device.type == "cpu":
        values = channels(value, axis)
        mean = values.mean(1)
        return mean.double(), (values - mean[:, None]).square_().mean(1).double()
    others = [place for place in range(value.ndim) if place != axis % value.ndim]
    variance, mean = torch.var_mean(wide(value), others, correction=0)
    return mean, variance


def unbiased(variance: Tensor, count: int) -> Tensor:
    """Return the unbiased variance, from the biased one of so many samples."""
    return variance * (count / (count - 1))


class Averages:
    """Adds up vectors that batches show at taps, those of all taps at once.

    Attributes:
        batches: how many there were.
    """

    def __init__(self, taps: Iterable[str]) -> None:
        """Begin with no batch."""
        self.batches = 0
        self._shown: dict[str, tuple[Tensor, ...]] = dict.fromkeys(taps, ())
        self._total = torch.empty(0)

    def show(self, tap: str, *parts: Tensor) -> None:
        """Take what a batch shows at a tap, (channel,) each."""
        self._shown[tap] = parts

    def add_batch(self) -> None:
        """Add what was shown at the taps."""
        self.batches += 1
        parts = [part for several in self._shown.values() for part in several]
        if parts:
            flat = torch.cat(parts)
            if not len(self._total):
                self._total = torch.zeros_like(flat, dtype=torch.float64)
            self._total += flat

    def of_taps(self) -> dict[str, tuple[Tensor, ...]]:
        """Return the averages over the batches at each tap, float64.

        Raises:
            LmctoolError: there was no batch.
        """
        if not self.batches:
            raise LmctoolError("statistics were asked of no example")
        sizes = [len(part) for parts in self._shown.values() for part in parts]
        averages = iter(torch.split(self._total / self.batches, sizes))
        return {tap: tuple(next(averages) for _ in parts) for tap, parts in self._shown.items()}


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
    averages = Averages(axes)

    def read(tap: str) -> Edit:
        def edit(value: Tensor) -> Tensor:
            mean, variance = batch_moments(value, axes[tap])
            averages.show(tap, mean, unbiased(variance, samples(value, axes[tap])))
            return value

        return edit

    edits = correction_edits(graph, weights)
    edits |= {tap: chained(edits.get(tap), read(tap)) for tap in axes}
    with torch.no_grad():
        for inputs in batches:
            graph.run(weights, inputs, edits)
            averages.add_batch()
    return {tap: Moments.of(parts) for tap, parts in averages.of_taps().items()}
