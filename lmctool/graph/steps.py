"""Operations of a graph that run one after the other, each value dropped once nothing needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import fx

from lmctool.graph.operations import callee

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Nodes = tuple[fx.Node, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """Operations in the order they run.

    Attributes:
        nodes: the operations.
        spent: the nodes whose values nothing needs after each.
    """

    nodes: Nodes = ()
    spent: tuple[Nodes, ...] = ()

    def run(self, values: dict[fx.Node, Any]) -> None:
        """Add the values of the operations, and drop those that are spent."""
        for node, spent in zip(self.nodes, self.spent, strict=True):
            arguments = fx.map_arg((node.args, dict(node.kwargs)), values.__getitem__)
            values[node] = callee(node.target)(*arguments[0], **arguments[1])
            for each in spent:
                del values[each]


NO_STEPS = Steps()


def spent(reads: Sequence[Iterable[fx.Node]]) -> list[Nodes]:
    """Return for each of several readings the nodes that no later one reads."""
    last = {node: number for number, nodes in enumerate(reads) for node in nodes}
    dropped: list[list[fx.Node]] = [[] for _ in reads]
    for node, number in last.items():
        dropped[number].append(node)
    return [tuple(nodes) for nodes in dropped]
