"""Going over a graph to learn which linear maps of the units of its groups keep its function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

from lmctool.graph.operations import operation
from lmctool.symmetry.buffers import activations
from lmctool.symmetry.linear import elementwise, norms, products, structure
from lmctool.symmetry.linear.blocking import blocking
from lmctool.symmetry.linear.candidate import UNITS, Candidate, Leg
from lmctool.symmetry.propagate import that_matter
from lmctool.symmetry.unit_index import UnitIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.spec import PermutationSpec

Legs = tuple[Leg, ...]
EXPERTS = "its units lie in tensors that change places with each other"
"""What blocks larger groups of the units of experts."""


@dataclass
class Flow:
    """The units of groups in the values of a graph.

    Attributes:
        graph: the graph.
        candidates: every permutation group.
        active: the nodes that depend on the inputs.
        legs: by node; a list of legs for a node with several values.
        slots: for each tensor, the index and slot of each group there.
        gains: by the node that scales units by a parameter, what it does.
    """

    graph: Graph
    candidates: dict[str, Candidate]
    active: frozenset[fx.Node]
    legs: dict[fx.Node, Any] = field(default_factory=dict)
    slots: dict[tuple[str, str], list[tuple[UnitIndex, int]]] = field(default_factory=dict)
    gains: dict[fx.Node, norms.Gain] = field(default_factory=dict)

    def of(self, value: object) -> Legs:
        """Return the units in an operand; none in a number."""
        legs = self.legs.get(value, ()) if isinstance(value, fx.Node) else ()
        return tuple(leg for leg in legs if isinstance(leg, Leg) and not leg.group.blocked)

    def is_active(self, value: object) -> bool:
        """Tell whether an operand depends on the inputs."""
        return value in self.active


def flow(graph: Graph, spec: PermutationSpec) -> Flow:
    """Go over a graph, and return what was learnt of every permutation group.

    Args:
        graph: the graph.
        spec: what may be permuted in it.
    """
    found = Flow(
        graph,
        {name: Candidate(name, size) for name, size in spec.groups.items()},
        activations(graph.nodes, graph.inputs),
    )
    _place(found, spec)
    for node in that_matter(graph.nodes):
        if node.op == "placeholder" and node.name in graph.tensors:
            found.legs[node] = _stored(found, node)
        elif node.op == "call_function" and structure.has_values(node):
            found.legs[node] = _value(found, node)
    return found


def _place(found: Flow, spec: PermutationSpec) -> None:
    """Give a slot to each group wherever it lies in a tensor."""
    slot = 0
    for group in spec.groups:
        for name, index in _uses(found.candidates[group], spec):
            if name not in found.graph.aliases:
                slot += 1
                found.slots.setdefault((name, group), []).append((index, slot))
    for alias, name in found.graph.aliases.items():
        for group in spec.groups:
            if (name, group) in found.slots:
                found.slots[alias, group] = found.slots[name, group]


def _uses(group: Candidate, spec: PermutationSpec) -> Iterator[tuple[str, UnitIndex]]:
    """Give every tensor that a group's units lie in, each of a stack by itself."""
    stacks = spec.stacks
    for name, index in spec.uses(group.name):
        if name not in stacks:
            yield name, index
        elif 0 in index.axes:
            group.block(EXPERTS)
        else:
            inside = UnitIndex(tuple(axis - 1 for axis in index.axes), index.positions)
            yield from ((member, inside) for member in stacks[name])


def _stored(found: Flow, node: fx.Node) -> Legs:
    """Return the units in a tensor of the model, those in several parts of one axis together."""
    size = structure.shape(node)
    name = found.graph.tensors[node.name]
    legs: list[Leg] = []
    for group in found.candidates.values():
        whole: dict[tuple[int, ...], Tensor] = {}
        for index, slot in found.slots.get((name, group.name), []):
            labels = _labels(index, slot, size)
            known = whole.get(index.axes)
            if known is not None and (known * labels).any():
                legs.append(Leg(group, labels.expand(size)))
            else:
                whole[index.axes] = labels if known is None else known + labels
        legs += [Leg(group, labels.expand(size)) for labels in whole.values()]
    return tuple(legs)


def _labels(index: UnitIndex, slot: int, size: tuple[int, ...]) -> Tensor:
    """Return the labels of an index in a tensor of a size, one along axes without units."""
    front = [size[axis] for axis in index.axes]
    flat = torch.zeros(front, dtype=torch.int64).flatten()
    units = torch.arange(1, len(index.positions) + 1) + slot * UNITS
    flat[index.positions] = units[:, None].expand_as(index.positions)
    rest = [1] * (len(size) - len(front))
    order = tuple(range(len(front)))
    return flat.view(*front, *rest).movedim(order, index.axes)


def _value(found: Flow, node: fx.Node) -> Any:
    """Return the units in a node's value, and note what its operation demands of their groups."""
    if not any(found.legs.get(operand) for operand in node.all_input_nodes):
        return ()
    if structure.is_structural(node):
        return _rearranged(found, node)
    name = operation(node)
    if name in structure.LOOKUPS:
        return _looked_up(found, node)
    for rules in (products.RULES, norms.RULES, elementwise.RULES):
        if rule := rules.get(name):
            return rule(node, found)
    return blocking(node, found)


def _rearranged(found: Flow, node: fx.Node) -> Any:
    """Return the units in the value of an operation that moves, repeats or drops elements."""
    source = node.args[0]
    if isinstance(source, fx.Node) and isinstance(found.legs.get(source), list):
        return found.legs[source][node.args[1]]
    made: list[tuple[Candidate, Any, bool]] = []
    by_group: dict[Candidate, dict[fx.Node, Legs]] = {}
    for operand in node.all_input_nodes:
        for leg in found.of(operand):
            seen = by_group.setdefault(leg.group, {})
            seen[operand] = (*seen.get(operand, ()), leg)
    for group, operands in by_group.items():
        for number in range(max(map(len, operands.values()))):
            legs = {o: each[number] for o, each in operands.items() if number < len(each)}
            labels = structure.rearranged(node, {o: leg.labels for o, leg in legs.items()})
            centred = all(leg.is_centred for leg in legs.values())
            made.append((group, labels, centred))
    if isinstance(node.meta.get("val"), list | tuple):
        count = len(node.meta["val"])
        return [_that_lie((g, labels[place], c) for g, labels, c in made) for place in range(count)]
    return _that_lie(made)


def _that_lie(made: Iterable[tuple[Candidate, Any, bool]]) -> Legs:
    """Return legs of those labels that name a unit at all."""
    return tuple(
        Leg(group, labels, centred)
        for group, labels, centred in made
        if structure.compact(labels)[0].any()
    )


def _looked_up(found: Flow, node: fx.Node) -> Legs:
    """Return the units in what is looked up in a value along other axes than theirs."""
    source: Any = node.args[0]
    made = []
    for operand in node.all_input_nodes:
        dims = structure.looked_up(node, operand)
        for leg in found.of(operand):
            labels = None if dims is None else leg.group.merged(leg.labels, dims)
            if labels is None:
                leg.group.block(f"{operation(node)} picks some of its units ({node.name})")
                continue
            labels = structure.rearranged(node, {source: labels})
            made.append(Leg(leg.group, labels, leg.is_centred))
    return tuple(made)
