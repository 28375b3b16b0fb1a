"""Batches in pieces: some examples go through a network together, several pieces side by side.

The statistics of a batch follow from those of its pieces, whatever the pieces are.  The values of a
few examples stay in the processor's cache from one operation to the next; those of hundreds of
images do not, and each operation then waits for memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, TypeVar

import torch

from lmctool.graph.operations import aten
from lmctool.graph.sizes import size_of, varies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from torch import Tensor

    from lmctool.evaluate.threads import Workers
    from lmctool.graph.graph import Graph

Item = TypeVar("Item")
Value = TypeVar("Value")

CACHE = 1 << 22
"""Bytes that the value of a tap may take for the examples of a piece."""
LEAST, MOST = 16, 2048
"""Examples of a piece, whatever their size."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """How batches are cut, and what computes several pieces at once.

    Attributes:
        size: examples of a piece at most; None leaves batches whole.
        threads: what computes pieces side by side, if anything does.
    """

    size: int | None = None
    threads: Workers | None = None

    def of(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the pieces of a batch, as equal as they can be."""
        if self.size is None or len(inputs) <= self.size:
            return (inputs,)
        return torch.tensor_split(inputs, -(-len(inputs) // self.size))

    def map(self, function: Callable[[Item], Value], pieces: Sequence[Item]) -> list[Value]:
        """Return what a function makes of each piece, in their order.

        A piece alone is computed by all cores together.
        """
        if self.threads is None or len(pieces) == 1:
            return [function(piece) for piece in pieces]
        return [*self.threads.map(function, pieces)]


WHOLE = Pieces()
"""No pieces: a batch goes through a network as one."""


def pieces_for(graph: Graph, taps: Collection[str], threads: Workers | None) -> Pieces:
    """Return in which pieces batches go through a graph on a CPU for statistics at taps.

    What the graph computes for an example decides: sums of other pieces differ in their last bits.

    Args:
        graph: the graph.
        taps: the names of the nodes that statistics are taken of.
        threads: what may compute several pieces at once.

    Returns:
        ``WHOLE`` where the graph was noted while the model ran, fixes how values lie in memory,
        or has a tap whose value is not of as many examples as the inputs.
    """
    values = [node.meta.get("val") for node in graph.nodes if node.name in taps]
    held = [value for value in values if isinstance(value, torch.Tensor)]
    cut = (
        graph.tracer == "export"
        and len(graph.inputs) == 1
        and len(held) == len(values)
        and all(any(map(_varies, value.shape)) for value in held)
        and not any(
            node.target is aten.as_strided.default or (node.op == "get_attr" and node.users)
            for node in graph.nodes
        )
    )
    if not cut:
        return WHOLE
    own = [
        prod(int(size) for size in value.shape if not _varies(size)) * value.dtype.itemsize
        for value in held
    ]
    fitting = CACHE // max(own, default=1)
    return Pieces(min(max(fitting, LEAST), MOST), threads)


def _varies(size: int | torch.SymInt) -> bool:
    """Tell whether a size of a value is one of the batch."""
    return varies(size_of(size))
