"""The numbers that a graph computes: exact for batches of any size."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from lmctool.graph.document import ARITHMETIC
from lmctool.graph.terms import UnlikeError

if TYPE_CHECKING:
    from collections.abc import Container

    from lmctool.graph.graph import Graph

SIZE = torch.ops.aten.sym_size.int
"""Asks for the size of an axis."""
FUNCTIONS = frozenset(ARITHMETIC.values()) - {operator.getitem}


@dataclass(frozen=True, slots=True)
class BatchSize:
    """So many times the examples of a batch, and a rest.

    Attributes:
        rise: how much it grows with each example.
        rest: what it would be without any.
    """

    rise: int
    rest: int

    def at(self, examples: int) -> int:
        """Return the number for a batch of so many examples."""
        return self.rise * examples + self.rest


def batch_sizes(graph: Graph, varying: Container[str]) -> dict[fx.Node, BatchSize]:
    """Return each number that a graph computes from the number of examples.

    Two of them that are equal in batches of two sizes are so in all.

    Args:
        graph: the graph.
        varying: its inputs that have as many examples as the batch.

    Raises:
        UnlikeError: one is made of anything else, or is not always such a number.
    """
    found: dict[fx.Node, BatchSize] = {}
    for node in graph.nodes:
        if node.target is SIZE:
            batch, axis = node.args
            if not isinstance(batch, fx.Node) or batch.name not in varying or axis != 0:
                raise UnlikeError(f"{node.name} is no number of examples")
            found[node] = BatchSize(1, 0)
        elif node.target in FUNCTIONS:
            if len(node.args) != 2 or node.kwargs:
                raise UnlikeError(f"{node.name} computes no size")
            found[node] = _computed(node.target, *(_given(each, found) for each in node.args))
    return found


def _given(value: Any, found: dict[fx.Node, BatchSize]) -> BatchSize:
    """Return a number that arithmetic is done with."""
    if isinstance(value, fx.Node) and value in found:
        return found[value]
    if type(value) is int:
        return BatchSize(0, value)
    raise UnlikeError(f"{value} is no size")


def _computed(function: Any, first: BatchSize, second: BatchSize) -> BatchSize:
    """Return what one operation makes of two numbers."""
    if function in (operator.add, operator.sub):
        return BatchSize(function(first.rise, second.rise), function(first.rest, second.rest))
    if function is operator.mul and 0 in (first.rise, second.rise):
        rise = first.rise * second.rest + second.rise * first.rest
        return BatchSize(rise, first.rest * second.rest)
    if function is operator.floordiv and second.rise == 0 and second.rest > 0:
        rise, over = divmod(first.rise, second.rest)
        rest, left = divmod(first.rest, second.rest)
        if over == left == 0:
            return BatchSize(rise, rest)
    raise UnlikeError(f"{function.__name__} makes no multiple of the examples and a rest")
