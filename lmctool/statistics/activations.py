"""What one network computes on a batch of examples: values of nodes, and units at taps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from lmctool.graph.tap_affine import chained, correction_edits

if TYPE_CHECKING:
    from lmctool.graph.graph import Edit, Graph
    from lmctool.symmetry.spec import Tap

Weights = Mapping[str, Tensor]
Watch = Callable[[str, Tensor], None]
"""Is shown a node's name and its value."""


def by_node(taps: Iterable[Tap]) -> dict[str, list[Tap]]:
    """Return taps by the node whose value they read: several may read one."""
    nodes: dict[str, list[Tap]] = {}
    for tap in taps:
        nodes.setdefault(tap.node, []).append(tap)
    return nodes


def watched(
    graph: Graph, weights: Weights, nodes: Iterable[str]
) -> Callable[[Tensor, Watch], None]:
    """Return what runs a network on inputs and shows values, after the corrections at taps.

    Args:
        graph: its graph.
        weights: its weights.
        nodes: the nodes whose values are shown, in the order that they run.
    """
    corrections, places = correction_edits(graph, weights), tuple(nodes)

    def run(inputs: Tensor, watch: Watch) -> None:
        def edit(node: str) -> Edit:
            def show(value: Tensor) -> Tensor:
                watch(node, value)
                return value

            return chained(corrections.get(node), show)

        graph.run(weights, inputs, corrections | {node: edit(node) for node in places})

    return run


def values(
    graph: Graph, weights: Weights, nodes: Iterable[str]
) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return what gives the values of nodes of a network, by name, for a batch of inputs.

    Args:
        graph: the network's graph.
        weights: its weights.
        nodes: the names of the nodes.
    """
    run = watched(graph, weights, nodes)

    def shown(inputs: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        run(inputs, found.__setitem__)
        return found

    return shown


def activations(
    graph: Graph, weights: Weights, taps: Iterable[Tap]
) -> Callable[[Tensor], dict[Tap, Tensor]]:
    """Return what gives (unit, sample) of a network at every tap for a batch of inputs.

    Args:
        graph: the network's graph.
        weights: its weights.
        taps: where, and which block of the value's axis.
    """
    places = tuple(taps)
    nodes = by_node(places)
    run = watched(graph, weights, nodes)

    def shown(inputs: Tensor) -> dict[Tap, Tensor]:
        units: dict[Tap, Tensor] = {}

        def keep(node: str, value: Tensor) -> None:
            units.update({tap: tap.units(value) for tap in nodes[node]})

        run(inputs, keep)
        return {tap: units[tap] for tap in places}

    return shown
