"""How many examples an alignment looks at at once."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.graph.sizes import LEAST, size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import fx

    from lmctool.graph.graph import Graph

ON_CPU = 100
"""Examples at once on a CPU."""
HELD = 1 << 33
"""Bytes that the values of all operations for the examples may take, on a GPU."""
SHARE = 8
"""They take at most one part in so many of a GPU's memory: copies of them are made beside."""


def cross_batch(graph: Callable[[], Graph], device: torch.device) -> int:
    """Return how many examples' activations are compared at once.

    On a GPU, as many as a fixed amount of memory holds: what the graph computes for an example
    decides, and never what happens to be free, for the sums of other batches differ in their last
    bits.

    Args:
        graph: gives the graph of the networks; it is not asked for on a CPU.
        device: where the work is done.
    """
    if device.type == "cpu":
        return ON_CPU
    memory: int = torch.cuda.get_device_properties(device).total_memory
    return max(1, min(HELD, memory // SHARE) // max(1, example_bytes(graph())))


def example_bytes(graph: Graph) -> int:
    """Return the bytes of all that the operations of a graph compute for one example."""
    inputs = next(node for node in graph.nodes if node.name in graph.inputs)
    batch = size_of(inputs.meta["val"].shape[0])
    return sum(
        value.element_size() * (elements // batch)
        for node in graph.nodes
        for value in _computed(node)
        # not what depends on the weights alone, nor on a number that only the data tells
        if (elements := prod(map(size_of, value.shape))) >= batch and elements // batch < LEAST
    )


def _computed(node: fx.Node) -> list[Tensor]:
    """Return the values that a node computes; a view computes none."""
    if node.op != "call_function" or getattr(node.target, "is_view", False):
        return []
    value = node.meta.get("val")
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if isinstance(each, Tensor)]
