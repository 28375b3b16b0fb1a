"""The way of a linear layer's value to an operand, through operations that are linear in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

from lmctool.graph.operations import operation
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.evaluation import computed
from lmctool.symmetry.linear.layer import is_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.graph.graph import Graph

SCALINGS = frozenset({"mul", "multiply", "div", "neg", "negative"})
SUMS = frozenset({"add", "sub", "subtract"})
COMPLEX = frozenset({"view_as_complex", "view_as_real"})


class NoPathError(Exception):
    """A value doesn't come from one layer in this way, for a reason."""


@dataclass(frozen=True, eq=False)
class Path:
    """What lies between a layer and an operand.

    Attributes:
        layer: the linear layer.
        chain: the rearrangements of the layer's value, in their order, that begin the path; the
            last axis of what they end in has the units.
        nodes: the operations after the source, in their order; the last makes the operand.
        end: the operand.
        learned: the nodes of the graph that depend on parameters.
    """

    layer: fx.Node
    chain: tuple[fx.Node, ...]
    nodes: tuple[fx.Node, ...]
    end: fx.Node
    learned: frozenset[fx.Node]

    @property
    def source(self) -> fx.Node:
        """The value that the chain ends in."""
        return (self.layer, *self.chain)[-1]

    @cached_property
    def rows(self) -> Tensor:
        """The row of the layer that writes each element of the source, counted from 1."""
        size = structure.shape(self.layer)
        rows = structure.along(torch.arange(1, size[-1] + 1), len(size) - 1, size)
        known: dict[fx.Node, Any] = {self.layer: rows}
        for node in self.chain:
            known[node] = structure.rearranged(node, known)
        found: Tensor = known[self.source]
        return found

    def labels(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the least and the greatest label of what each element of the operand is made of.

        Args:
            labels: of the source's size, all greater than 0.
        """
        found: list[dict[fx.Node, Any]] = [{self.source: labels}, {self.source: labels}]
        for node in self.nodes:
            for least, known in zip((True, False), found, strict=True):
                known[node] = _labelled(node, known, least=least)
        return found[0][self.end], found[1][self.end]

    def value(self, source: Tensor, factors: Mapping[fx.Node, Tensor]) -> Tensor:
        """Return the operand for other numbers in the source.

        Args:
            source: float64 numbers of the source's size.
            factors: the values of all operands that don't depend on parameters.
        """
        known: dict[fx.Node, Any] = {**factors, self.source: source}
        for node in self.nodes:
            known[node] = computed(node, known)
        result: Tensor = known[self.end]
        return result

    @property
    def factors(self) -> set[fx.Node]:
        """The operands of its operations that don't depend on parameters."""
        return {o for node in self.nodes for o in node.all_input_nodes if o not in self.learned}


def path_to(graph: Graph, end: fx.Node, units: int, learned: frozenset[fx.Node]) -> Path:
    """Return the way to an operand from the layer that it comes from.

    Args:
        graph: the graph.
        end: the operand.
        units: how many units each vector in it has.
        learned: the nodes that depend on parameters.

    Raises:
        NoPathError: it has no such way.
    """
    met: set[fx.Node] = set()
    layers: set[fx.Node] = set()
    open_nodes = [end]
    while open_nodes:
        node = open_nodes.pop()
        if node in met or node in layers:
            continue
        if is_layer(node):
            layers.add(node)
            continue
        met.add(node)
        open_nodes += _before(node, learned)
    if len(layers) != 1:
        raise NoPathError("it comes from several layers")
    (layer,) = layers
    chain = _chain(layer, met, units)
    after = tuple(node for node in graph.nodes if node in met - {*chain})
    return Path(layer, chain, after, end, learned)


def _chain(layer: fx.Node, met: set[fx.Node], units: int) -> tuple[fx.Node, ...]:
    """Return the rearrangements that a path begins with, to the last one of vectors of units.

    Raises:
        NoPathError: none is.
    """
    chain = [layer]
    while len(users := [user for user in chain[-1].users if user in met]) == 1:
        if not structure.is_structural(users[0]):
            break
        chain += users
    while structure.shape(chain[-1])[-1:] != (units,) or isinstance(chain[-1].meta["val"], list):
        chain.pop()
        if not chain:
            raise NoPathError("its units don't lie along one axis")
    return tuple(chain[1:])


def _before(node: fx.Node, learned: frozenset[fx.Node]) -> list[fx.Node]:
    """Return the operands that a value is linear in.

    Raises:
        NoPathError: it isn't so in all that depend on parameters.
    """
    operands = [each for each in node.all_input_nodes if each in learned]
    name = operation(node) if node.op == "call_function" else node.op
    alone = (len(operands) == 1 and operands[0] is node.args[0]) or name in ("mul", "multiply")
    known = (
        structure.is_structural(node)
        or name in COMPLEX
        or (name in SUMS and len(operands) == 2)
        or (name in SCALINGS and alone and len(operands) == 1)
    )
    if node.op != "call_function" or not known:
        raise NoPathError(f"{name} lies between its layer and the attention ({node.name})")
    return operands


def layer_before(node: fx.Node, learned: frozenset[fx.Node]) -> fx.Node:
    """Return the nearest layer that a value comes from, whatever lies between; itself if none."""
    seen = [node]
    for each in seen:
        if is_layer(each):
            return each
        seen += [o for o in each.all_input_nodes if o in learned and o not in seen]
    return node


def learned_nodes(graph: Graph) -> frozenset[fx.Node]:
    """Return the nodes whose values depend on parameters."""
    found: set[fx.Node] = set()
    for node in graph.nodes:
        name = graph.tensors.get(node.name, "") if node.op == "placeholder" else ""
        parameter = bool(name) and name not in graph.buffers
        if parameter or any(operand in found for operand in node.all_input_nodes):
            found.add(node)
    return frozenset(found)


def _labelled(node: fx.Node, known: Mapping[fx.Node, Any], *, least: bool) -> Any:
    """Return the least or the greatest label of what each element of a value is made of."""
    if structure.is_structural(node):
        return structure.rearranged(node, known)
    name, size = operation(node), structure.shape(node)
    operands = [known[each] for each in node.all_input_nodes if each in known]
    if name == "view_as_complex":
        return operands[0].amin(-1) if least else operands[0].amax(-1)
    if name == "view_as_real":
        return operands[0].unsqueeze(-1).expand(*operands[0].shape, 2)
    if len(operands) == 1:
        return operands[0].expand(size)
    first, second = (each.expand(size) for each in operands)
    if not least:
        return torch.maximum(first, second)
    both = torch.minimum(first, second)
    return torch.where(both == 0, torch.maximum(first, second), both)
