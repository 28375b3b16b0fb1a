"""Correlations of every unit of one network with every unit of another, in one pass.

Products of a batch are summed in the dtype of its values (at least float32) around the means of
the first batch, batches in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.evaluate.arithmetic import exact_products
from lmctool.graph.tap_affine import chained, correction_edits
from lmctool.statistics.moments import wide

if TYPE_CHECKING:
    from lmctool.evaluate.threads import Workers
    from lmctool.graph.graph import Edit, Graph
    from lmctool.symmetry.spec import Tap

Weights = Mapping[str, Tensor]
Batches = Iterable[Tensor]

LARGE = 1 << 26
"""Bytes of the sums of a batch above which one batch is worked on at a time."""


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

    def of_batch(self, a: Tensor, b: Tensor) -> tuple[int, list[Tensor]]:
        """Return how many samples (unit, sample) of both networks have, and their sums."""
        x, y = wide(a), wide(b)
        if self.origins is None:
            self.origins = (x.mean(1, keepdim=True), y.mean(1, keepdim=True))
        x, y = x - self.origins[0], y - self.origins[1]
        with exact_products(x.device):
            sums = [x.sum(1), y.sum(1), x @ y.T, x.square_().sum(1), y.square_().sum(1)]
        return x.shape[1], sums

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


def cross(
    graph: Graph,
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
        graph: the graph of both networks.
        a: the first network.
        b: the second.
        taps: where, and which block of the value's axis.
        batches: (example, ...) the inputs of each batch; their size doesn't matter.
        threads: what computes several batches at once, if there is anything; they do unless the
            sums of a batch are large.
    """
    sums = {tap: _Cross() for tap in taps}
    nodes: dict[str, list[Tap]] = {}
    for tap in sums:
        nodes.setdefault(tap.node, []).append(tap)
    first, second = correction_edits(graph, a), correction_edits(graph, b)

    def compare(inputs: Tensor, take: Callable[[Tap, int, list[Tensor]], None]) -> None:
        values: dict[str, Tensor] = {}

        def keep(node: str) -> Edit:
            def edit(value: Tensor) -> Tensor:
                values[node] = value
                return value

            return edit

        def pair(node: str) -> Edit:
            def edit(value: Tensor) -> Tensor:
                seen = values.pop(node)
                for tap in nodes[node]:
                    take(tap, *sums[tap].of_batch(tap.units(seen), tap.units(value)))
                return value

            return edit

        graph.run(a, inputs, first | {node: chained(first.get(node), keep(node)) for node in nodes})
        graph.run(
            b, inputs, second | {node: chained(second.get(node), pair(node)) for node in nodes}
        )

    def add(tap: Tap, count: int, parts: list[Tensor]) -> None:
        sums[tap].add(count, parts)

    def collect(inputs: Tensor) -> list[tuple[Tap, int, list[Tensor]]]:
        parts: list[tuple[Tap, int, list[Tensor]]] = []
        compare(inputs, lambda *each: parts.append(each))
        return parts

    left = iter(batches)
    with torch.no_grad():
        for inputs in islice(left, 1):  # its means are the origins
            compare(inputs, add)
        size = sum(part.nbytes for total in sums.values() for part in total.sums)
        if threads is None or graph.tracer != "export" or size > LARGE:
            for inputs in left:
                compare(inputs, add)
        else:
            for several in threads.map(collect, left):
                for each in several:
                    add(*each)
    return {tap: total.moments() for tap, total in sums.items()}
