"""Means and variances of activations, taken in one pass over the data.

Each batch is summed around its own mean in the dtype of its values (at least float32), batches in
float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.graph.tap_affine import chained, correction_edits
from lmctool.statistics.pieces import WHOLE, Pieces

if TYPE_CHECKING:
    from lmctool.graph.graph import Edit, Graph

Weights = Mapping[str, Tensor]
Batches = Iterable[Tensor]

LENGTH, SUMS = 32, 4096
"""Values that are added up one by one in float32, and how many such sums lie side by side."""
FAR = 1e6
"""Square of a mean over the variance from which on values are far from zero."""
STATISTICS = ("mean", "variance")
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


@dataclass(frozen=True, slots=True)
class Part:
    """What a batch, or a piece of it, shows at one tap.

    Attributes:
        count: how many values each channel has.
        mean: (channel,) their mean.
        variance: (channel,) their biased variance.
    """

    count: int
    mean: Tensor
    variance: Tensor

    @property
    def unbiased(self) -> Tensor:
        """(channel,) the unbiased variance."""
        return unbiased(self.variance, self.count)


def part_of(value: Tensor, axis: int) -> Part:
    """Return the mean and the biased variance of each channel.

    In float64 on a CPU.  Elsewhere in the dtype of the values (at least float32), by one kernel
    that copies nothing; on a CPU that kernel is up to four times as slow as what is done there.

    Args:
        value: the values of a batch, or of a piece of it.
        axis: the axis of its channels.
    """
    count = samples(value, axis)
    if value.device.type == "cpu":
        return Part(count, *_summed(channels(value, axis)))
    others = [place for place in range(value.ndim) if place != axis % value.ndim]
    variance, mean = torch.var_mean(wide(value), others, correction=0)
    return Part(count, mean, variance)


def _summed(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance of (channel, sample) on a CPU, (channel,) float64 each."""
    if values.dtype == torch.float32 and (rows := values.T).is_contiguous():
        sums = _short_sums(len(rows))
        if sums is not None:
            mean, variance = _by_short_sums(rows, sums)
            if not (mean.square() > FAR * variance).any():
                return mean, variance
    mean = values.mean(1)
    return mean.double(), (values - mean[:, None]).square_().mean(1).double()


def _by_short_sums(rows: Tensor, sums: int) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance of float32 (sample, channel), (channel,) float64 each.

    Torch's own BatchNorm reads samples twice and writes nothing.  But it adds them up one by one:
    so in many short sums, side by side.  Where values lie far from zero the mean that it takes is
    not exact enough for the variance around it.
    """
    length = len(rows) // sums
    side_by_side = rows.view(length, -1)
    mean, variance = torch.zeros(2, side_by_side.shape[1])
    torch.batch_norm_update_stats(side_by_side, mean, variance, 1.0)
    means = mean.double().view(sums, -1)
    within = variance.double().view(sums, -1).mean(0) * ((length - 1) / length)
    whole = means.mean(0)
    return whole, within + (means - whole).square_().mean(0)


@cache
def _short_sums(count: int) -> int | None:
    """Return in how many sums of one length at most 32 each so many values are added up.

    None where no number of sums up to 4096 divides them.
    """
    least = -(-count // LENGTH)
    return next((n for n in range(least, min(count // 2, SUMS) + 1) if count % n == 0), None)


def joined(parts: Sequence[Part]) -> Part:
    """Return what a batch shows, of what its pieces do.

    Raises:
        LmctoolError: a channel has fewer than two values.
    """
    count = sum(part.count for part in parts)
    if count < 2:
        raise LmctoolError(TOO_FEW)
    if len(parts) == 1:
        return parts[0]
    shares = torch.tensor([part.count / count for part in parts], dtype=torch.float64)
    means, variances = (torch.stack([getattr(part, of) for part in parts]) for of in STATISTICS)
    mean = shares @ means
    return Part(count, mean, shares @ (variances + (means - mean).square_()))


def batch_moments(value: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return the mean and the biased variance of each channel over a batch, as ``part_of``.

    Raises:
        LmctoolError: a channel has fewer than two values.
    """
    part = joined([part_of(value, axis)])
    return part.mean, part.variance


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
    graph: Graph,
    weights: Weights,
    axes: Mapping[str, int],
    batches: Batches,
    pieces: Pieces = WHOLE,
) -> dict[str, Moments]:
    """Return the moments at each tap of a network as it is, corrections included.

    Args:
        graph: the model's graph.
        weights: the network.
        axes: tap -> the axis of its channels.
        batches: (example, ...) the inputs of each batch.
        pieces: how batches go through the graph, of which only rounding depends.
    """
    averages = Averages(axes)
    corrections = correction_edits(graph, weights)

    def shown(inputs: Tensor) -> dict[str, Part]:
        found: dict[str, Part] = {}

        def read(tap: str) -> Edit:
            def edit(value: Tensor) -> Tensor:
                found[tap] = part_of(value, axes[tap])
                return value

            return edit

        edits = {tap: chained(corrections.get(tap), read(tap)) for tap in axes}
        graph.run(weights, inputs, corrections | edits)
        return found

    with torch.no_grad():
        for inputs in batches:
            parts = pieces.map(shown, pieces.of(inputs))
            for tap in axes:
                whole = joined([each[tap] for each in parts])
                averages.show(tap, whole.mean, whole.unbiased)
            averages.add_batch()
    return {tap: Moments.of(each) for tap, each in averages.of_taps().items()}
