"""A graph in stages, each of which ends with the value of a tap.

What has to know the value of a tap for a whole batch, before anything goes on from there, can
compute the batch in pieces: each piece goes through one stage, then all of them through the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.graph.steps import Steps, spent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from torch import Tensor, fx

    from lmctool.graph.graph import Edit, Graph


@dataclass(frozen=True, slots=True)
class Stage:
    """The operations from one tap, or from the inputs, to the next tap.

    Attributes:
        tap: the node whose value it ends with.
        steps: the operations that it needs.
        unread: whether no later stage reads the tap's value.
    """

    tap: fx.Node
    steps: Steps
    unread: bool

    def run(
        self,
        values: dict[fx.Node, Any],
        replaced: tuple[fx.Node, Edit] | None,
        read: Callable[[Tensor], Any],
    ) -> Any:
        """Return what ``read`` makes of the tap's value.

        Args:
            values: those of all nodes that later operations read; brought up to date.
            replaced: the tap before this one, and what makes of its value that which the rest of
                the graph sees in its place.
            read: reads the tap's value.
        """
        if replaced is not None and replaced[0] in values:
            tap, edit = replaced
            values[tap] = edit(values[tap])
        self.steps.run(values)
        found = read(values[self.tap])
        if self.unread:
            del values[self.tap]
        return found


def stages(graph: Graph, taps: Collection[str]) -> tuple[Stage, ...]:
    """Return the stages to some taps, in the order they run; what lies behind the last is left out.

    Args:
        graph: the graph.
        taps: the names of nodes.
    """
    needed = {node for node in graph.nodes if node.name in taps}
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    parts: list[tuple[fx.Node, list[fx.Node]]] = []
    reads: list[Iterable[fx.Node]] = []
    calls: list[fx.Node] = []
    for node in graph.nodes:
        if node in needed and node.op == "call_function":
            calls.append(node)
            reads.append((node, *node.all_input_nodes))
        if node.name in taps:
            parts.append((node, calls))
            reads.append((node,))
            calls = []
    dropped = iter(spent(reads))
    return tuple(
        Stage(tap, Steps(tuple(own), tuple(next(dropped) for _ in own)), tap in next(dropped))
        for tap, own in parts
    )
