"""Correlations of every unit of one network with every unit of another, in one pass.

Products are summed in the dtype of the values (at least float32) around the means of the first
batch, a hundred examples at a time, batches in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.evaluate.arithmetic import exact_products
from lmctool.statistics.activations import by_node, watched
from lmctool.statistics.moments import wide

if TYPE_CHECKING:
    from lmctool.evaluate.threads import Workers
    from lmctool.graph.graph import Graph
    from lmctool.symmetry.spec import Tap

Weights = Mapping[str, Tensor]
Batches = Iterable[Tensor]

Part = tuple["Tap", int, list[Tensor]]
"""Of one batch: a tap, how many samples it showed, and their sums."""

EXAMPLES = 100
"""Examples whose products are summed in one go: rounding grows with how many there are."""
SAMPLES = 1 << 14
"""Samples that may be, whatever the number of examples."""
LARGE = 1 << 26
"""Bytes of the sums of all taps above which one batch is worked on at a time, tap by tap."""


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
        still = ~(spread > 0)
        return torch.div(self.covariance, spread, out=spread).masked_fill_(still, 0)


class _Cross:
    """Adds up products of the units of two networks around their first batch's means."""

    def __init__(self) -> None:
        self.count = 0
        self.origins: tuple[Tensor, Tensor] | None = None
        self.sums: list[Tensor] = []

    def of_batch(self, a: Tensor, b: Tensor, examples: int) -> tuple[int, list[Tensor]]:
        """Return how many samples (unit, sample) of both networks have, and their sums."""
        x, y = wide(a), wide(b)
        if self.origins is None:
            self.origins = (x.mean(1, keepdim=True), y.mean(1, keepdim=True))
        x, y = x - self.origins[0], y - self.origins[1]
        xy = products(x, y, examples)
        return x.shape[1], [x.sum(1), y.sum(1), xy, x.square_().sum(1), y.square_().sum(1)]

    def add(self, count: int, sums: list[Tensor]) -> None:
        """Add the sums of a batch."""
        if not self.sums:
            self.sums = [torch.zeros_like(part, dtype=torch.float64) for part in sums]
        for total, part in zip(self.sums, sums, strict=True):
            total += part
        self.count += count

    def moments(self) -> CrossMoments:
        """Return the moments over all samples; the sums are used up."""
        if self.origins is None:
            raise LmctoolError("correlations were asked of no example")
        x, y, xy, xx, yy = (part.div_(self.count) for part in self.sums)
        return CrossMoments(
            mean_a=self.origins[0].double().flatten() + x,
            mean_b=self.origins[1].double().flatten() + y,
            variance_a=(xx - x * x).clamp_min(0),
            variance_b=(yy - y * y).clamp_min(0),
            covariance=xy.addr_(x, y, alpha=-1),
        )


def products(x: Tensor, y: Tensor, examples: int) -> Tensor:
    """Return (unit of A, unit of B): the sum over samples of the products of units.

    The samples are cut into parts of 100 examples, or of so many samples, if those are more; the
    sums of these are added.  One product over all samples would be less exact, and leave most of
    a GPU idle: its result is small.

    Args:
        x: (unit of A, sample).
        y: (unit of B, sample).
        examples: how many examples the samples are of.
    """
    samples = x.shape[1]
    length = max(EXAMPLES * samples // examples, SAMPLES)
    count = samples // length
    with exact_products(x.device):
        if count < 2:
            return x @ y.T
        whole = count * length
        first, second = (each[:, :whole].view(-1, count, length) for each in (x, y))
        total = torch.bmm(first.transpose(0, 1), second.permute(1, 2, 0)).sum(0)
        return total if whole == samples else total.addmm_(x[:, whole:], y[:, whole:].T)


def cross(
    graphs: tuple[Graph, Graph],
    a: Weights,
    b: Weights,
    taps: Iterable[Tap],
    batches: Batches,
    threads: Workers | None = None,
) -> dict[Tap, CrossMoments]:
    """Return the cross-moments of two networks at every tap, in one pass over the data.

    Permuting earlier layers of B only relabels the units of later ones, so one pass serves the
    alignment of all groups.

    Args:
        graphs: the graph of each network, in which the taps have the same names.
        a: the first network.
        b: the second.
        taps: where, and which block of the value's axis.
        batches: (example, ...) the inputs of each batch; their size only matters to rounding.
        threads: what computes several batches at once, if there is anything; they do unless the
            sums of a batch are large.
    """
    sums = {tap: _Cross() for tap in taps}
    if not sums:
        return {}
    nodes = by_node(sums)
    run_a, run_b = (watched(*one, nodes) for one in zip(graphs, (a, b), strict=True))

    def compare(inputs: Tensor, take: Callable[[Part], None]) -> None:
        values: dict[str, Tensor] = {}

        def pair(node: str, value: Tensor) -> None:
            seen = values.pop(node)
            for tap in nodes[node]:
                units = tap.units(seen), tap.units(value)
                take((tap, *sums[tap].of_batch(*units, len(inputs))))

        run_a(inputs, values.__setitem__)
        run_b(inputs, pair)

    def collect(inputs: Tensor) -> list[Part]:
        parts: list[Part] = []
        compare(inputs, parts.append)
        return parts

    with torch.no_grad():
        if sum(map(_nbytes, sums)) > LARGE:
            for inputs in batches:
                compare(inputs, lambda part: sums[part[0]].add(*part[1:]))
        else:
            left = iter(batches)
            traced = all(graph.tracer == "export" for graph in graphs)
            several = threads.map if threads and traced else map
            origins = map(collect, islice(left, 1))  # the means of the first batch
            _add_together(sums, chain(origins, several(collect, left)))
    return {tap: total.moments() for tap, total in sums.items()}


def _nbytes(tap: Tap) -> int:
    """Return the bytes of the sums at a tap."""
    units = len(tap.index.positions)
    return torch.float64.itemsize * units * (units + 4)


def _add_together(sums: Mapping[Tap, _Cross], batches: Iterable[list[Part]]) -> None:
    """Add the sums of batches, of all taps at once: there are too many of them to add by one."""
    total = torch.empty(0)
    shapes: list[tuple[Tap, list[torch.Size]]] = []
    for parts in batches:
        flat = torch.cat([each.flatten() for _, _, several in parts for each in several])
        if not len(total):
            total = torch.zeros_like(flat, dtype=torch.float64)
            shapes = [(tap, [each.shape for each in several]) for tap, _, several in parts]
        total += flat
        for tap, count, _ in parts:
            sums[tap].count += count
        del parts, flat  # they would stay while the next ones are made
    pieces = iter(torch.split(total, [shape.numel() for _, own in shapes for shape in own]))
    for tap, own in shapes:
        sums[tap].sums = [next(pieces).view(shape) for shape in own]
