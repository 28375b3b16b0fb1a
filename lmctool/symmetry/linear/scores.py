"""Operations that compare two values of a network: queries with keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import ATTENTION, operation
from lmctool.graph.operations import attention as attention_call
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.attentions import SOFTMAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, fx

    from lmctool.graph.graph import Graph


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Products of queries and keys, one for each pair of positions.

    Attributes:
        node: the operation.
        query: the queries: (..., position, unit).
        key: the keys.
        transposed: whether the keys lie as (..., unit, position).
    """

    node: fx.Node
    query: fx.Node
    key: fx.Node
    transposed: bool

    @property
    def units(self) -> int:
        """How many units a query has."""
        return structure.shape(self.query)[-1]

    def keys(self, value: Tensor) -> Tensor:
        """Return keys, or labels of them, as (..., head of a query, position, unit)."""
        keys = value.mT if self.transposed else value
        size = structure.shape(self.query)
        if keys.ndim > 2 and keys.shape[-3] not in (1, size[-3]):
            keys = keys.repeat_interleave(size[-3] // keys.shape[-3], -3)
        return keys

    def products(self, query: Tensor, key: Tensor) -> Tensor:
        """Return the products of queries and keys."""
        return query @ self.keys(key).mT


def scores(graph: Graph, learned: frozenset[fx.Node]) -> Iterator[Scores]:
    """Give every operation that multiplies two values which both depend on parameters.

    Args:
        graph: the graph.
        learned: the nodes that depend on parameters.
    """
    for node in graph.nodes:
        name = operation(node) if node.op == "call_function" else ""
        if name in ATTENTION:
            given = attention_call(node)
            yield Scores(node, given.query, given.key, transposed=False)
        elif name in ("matmul", "bmm"):
            first: Any = node.args[0]
            second: Any = node.args[1]
            ranks = {len(structure.shape(each)) for each in (first, second)}
            values = first in learned and second in learned and not _is_softmax(first)
            if values and first.op == second.op == "call_function" and min(ranks) > 2:
                yield Scores(node, first, second, transposed=True)


def _is_softmax(value: fx.Node) -> bool:
    """Tell whether a value is a softmax, whatever its shape: weights of an average."""
    node: Any = value
    while node.op == "call_function" and structure.is_structural(node):
        node = node.all_input_nodes[0]
    return node.op == "call_function" and operation(node) in SOFTMAX
