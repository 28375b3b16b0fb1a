"""How networks that differ in parts are computed through one graph, each part of the work once.

Of two networks that differ in some tensors, every value that no such tensor reaches is the same.
So one of the two pure networks, A or B, runs through the graph once for each batch, and stops
wherever others leave its way: each of these goes on from there by itself, along its route.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from lmctool.graph.affine import cuts
from lmctool.graph.steps import NO_STEPS, Nodes, Steps, spent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from torch import fx

    from lmctool.graph.graph import Graph
    from lmctool.weights.partwise import Partwise


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """What is computed of networks in which the same tensors differ from the pure one's.

    Attributes:
        rows: the networks.
        shares: how far the differing tensors of each have come to the other pure network.
        shared: the values that they have in common with the pure network, and go on from.
        varied: the placeholders of their own tensors.
        mixed: the values that are mixed from the two pure networks' own.
        ends: the placeholders of the other pure network's tensors for those.
        across: computes those of the other pure network.
        steps: computes the output of each network.
        reached: computes, in the pure network, what must be known first.
        spent: values of the pure network that are not needed after these networks.
    """

    rows: tuple[int, ...]
    shares: tuple[float, ...]
    shared: Nodes
    varied: Nodes
    mixed: Nodes
    ends: Nodes
    across: Steps
    steps: Steps
    reached: Steps = NO_STEPS
    spent: Nodes = ()


def plan(graph: Graph, networks: Partwise) -> dict[int, tuple[Route, ...]]:
    """Return the routes of networks, by the pure network they leave: 0 for A, 1 for B.

    Each network leaves the one from which fewer operations separate it; where it doesn't matter,
    B.  Along the way the routes follow in the order in which they leave.
    """
    members: dict[tuple[int, frozenset[int], bool], list[tuple[int, float]]] = {}
    costs: dict[frozenset[int], int] = {}
    parts = set(networks.differing.values())
    for row, place in enumerate(networks.alphas):
        ends = []
        for end in (1, 0):
            moved = frozenset(part for part in parts if place[part] != end)
            if moved not in costs:
                costs[moved] = len(_reached(graph, _varied(graph, networks, moved)))
            ends.append((costs[moved], end, moved))
        _, end, moved = min(ends, key=itemgetter(0))  # of equals the first, B
        shares = {abs(float(place[part]) - end) for part in moved}
        together = len(shares) == 1  # only then is an affine value the same mixture as its weights
        members.setdefault((end, moved, together), []).append((row, max(shares, default=0.0)))
    routes: dict[int, list[Route]] = {}
    for (end, moved, together), rows in members.items():
        route = _route(graph, rows, _varied(graph, networks, moved), together)
        routes.setdefault(end, []).append(route)
    return {end: _joined(graph, leaving) for end, leaving in routes.items()}


def _varied(graph: Graph, networks: Partwise, parts: Collection[int]) -> Nodes:
    """Return the placeholders of the tensors of parts that differ between A and B."""
    numbers = {
        node: networks.differing.get(graph.stored_name(graph.tensors[node.name], networks.a))
        for node in graph.nodes
        if node.name in graph.tensors
    }
    return tuple(node for node, part in numbers.items() if part in parts)


def _reached(graph: Graph, varied: Iterable[fx.Node]) -> set[fx.Node]:
    """Return the nodes whose values depend on varied ones, themselves too."""
    nodes = set(varied)
    for node in graph.nodes:  # in the order they run, so once over them is enough
        if not nodes.isdisjoint(node.all_input_nodes):
            nodes.add(node)
    return nodes


def _behind(targets: Iterable[fx.Node], inside: Collection[fx.Node]) -> set[fx.Node]:
    """Return the nodes inside a set that targets are computed from, themselves too."""
    behind: set[fx.Node] = set()
    waiting = [node for node in targets if node in inside]
    while waiting:
        node = waiting.pop()
        if node not in behind:
            behind.add(node)
            waiting += (each for each in node.all_input_nodes if each in inside)
    return behind


def _route(
    graph: Graph, members: Sequence[tuple[int, float]], varied: Nodes, together: bool
) -> Route:
    """Return the route of networks and their shares, all of one's tensors at one alpha or not."""
    reached, output = _reached(graph, varied), graph.output
    # Mixing needs the other pure network's values as well: for one network that saves nothing.
    pays = together and len(members) > 1
    mixed = cuts(graph.nodes, varied, output) if pays else ()
    single = _behind([output], reached.difference(mixed))
    across = _behind(mixed, reached)
    inputs = {each for node in single | across for each in node.all_input_nodes}
    return Route(
        rows=tuple(row for row, _ in members),
        shares=tuple(share for _, share in members),
        # the output is among them where nothing differs: then there is nothing to compute
        shared=tuple(({output} | inputs) - reached),
        mixed=mixed,
        across=_steps(_calls(graph, across), mixed),
        steps=_steps(_calls(graph, single), [output]),
        varied=tuple(node for node in varied if node in single),
        ends=tuple(node for node in varied if node in across),
    )


def _joined(graph: Graph, routes: list[Route]) -> tuple[Route, ...]:
    """Return routes in the order they leave the pure network, with its operations before each."""
    position = {node: number for number, node in enumerate(graph.nodes)}
    needs = {route: {*route.shared, *route.mixed} for route in routes}
    # A route can leave when the last value it needs is there.  In this order the pure network
    # runs once for all of them, and no value of it waits in memory for an earlier route.
    order = sorted(routes, key=lambda route: max(position[node] for node in needs[route]))
    ahead = set(graph.nodes)
    pieces = []
    for route in order:
        before = _behind(needs[route], ahead)
        ahead -= before
        pieces.append(_calls(graph, before))
    # An operation counts as a reader of its own value, so that one that nobody reads is dropped.
    reads: list[Iterable[fx.Node]] = []
    for route, calls in zip(order, pieces, strict=True):
        reads += [(node, *node.all_input_nodes) for node in calls]
        reads.append(needs[route])
    dropped = iter(spent(reads))
    return tuple(
        replace(
            route, reached=Steps(calls, tuple(islice(dropped, len(calls)))), spent=next(dropped)
        )
        for route, calls in zip(order, pieces, strict=True)
    )


def _steps(calls: Nodes, results: Iterable[fx.Node]) -> Steps:
    """Return operations with what is spent after each; the results never are."""
    reads: list[Iterable[fx.Node]] = [(node, *node.all_input_nodes) for node in calls]
    return Steps(calls, tuple(spent([*reads, results])[:-1]))


def _calls(graph: Graph, nodes: Collection[fx.Node]) -> Nodes:
    """Return the operations among nodes, in the order they run."""
    return tuple(node for node in graph.nodes if node in nodes and node.op == "call_function")
