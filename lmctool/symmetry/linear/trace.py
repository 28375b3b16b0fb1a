"""Following a value through operations that keep what is the same everywhere, to what reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

from lmctool.graph.operations import operation
from lmctool.symmetry.linear import structure
from lmctool.symmetry.propagate import that_matter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.graph.graph import Graph

STRAIGHT = structure.IDENTITIES | {"t", "transpose", "mT", "permute", "numpy_T", "swapaxes"}
"""Operations that reorder the axes of a tensor, or leave them."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """An operation that reads elements of a value.

    Attributes:
        node: the operation; the output for the model's own.
        operand: the operand that holds them.
        labels: of the operand's size, the label of each element; 0 where none is.
    """

    node: fx.Node
    operand: fx.Node
    labels: Tensor


def readings(nodes: Sequence[fx.Node], source: fx.Node, labels: Tensor) -> Iterator[Reading]:
    """Give every operation that reads labelled elements of a value, moved or repeated.

    What lies in between moves elements, looks them up or averages them along axes along which
    their labels are the same, so that what is added to all of one label is added to what is read.

    Args:
        nodes: all nodes of the graph, in their order.
        source: the node whose value it is.
        labels: (...) int64 of the size of the value, or of the first of several.
    """
    several = isinstance(source.meta["val"], list | tuple)
    found: dict[fx.Node, Any] = {source: [labels] if several else labels}
    for node in that_matter(nodes):
        given = [operand for operand in node.all_input_nodes if operand in found]
        if not given or not (node.op == "output" or structure.has_values(node)):
            continue
        passed = None if node.op == "output" else _passed(node, found)
        if passed is not None:
            found[node] = passed
            continue
        for operand in given:
            if isinstance(found[operand], Tensor) and found[operand].any():
                yield Reading(node, operand, found[operand])


def _passed(node: fx.Node, found: dict[fx.Node, Any]) -> Any:
    """Return the labels of a node's value; None where it isn't what its operand is."""
    if structure.is_structural(node):
        return structure.rearranged(node, found)
    source: Any = node.args[0] if node.args else None
    if source not in found or len(set(node.all_input_nodes) & found.keys()) > 1:
        return None
    labels, name = found[source], operation(node)
    if name in structure.LOOKUPS:
        dims = structure.looked_up(node, source)
        if dims is None or any(structure.varies(labels, dim) for dim in dims):
            return None
        for dim in dims:
            labels = labels.narrow(dim, 0, 1)
        return structure.rearranged(node, {source: labels})
    if name == "mean":
        dims = structure.reduced(node)
        if any(structure.varies(labels, dim) for dim in dims):
            return None
        for dim in dims:
            labels = labels.narrow(dim, 0, 1)
        return labels.reshape(structure.shape(node))
    return None


def parameter_axis(graph: Graph, value: Any, dim: int) -> tuple[fx.Node, int] | None:
    """Return the placeholder of the tensor that a value is, and its axis at a dimension.

    None if the value is made in another way than by reordering the axes of one.
    """
    swaps: list[fx.Node] = []
    while isinstance(value, fx.Node) and value.op == "call_function":
        if operation(value) not in STRAIGHT:
            return None
        swaps.append(value)
        value = value.args[0]
    if not isinstance(value, fx.Node) or value.name not in graph.tensors:
        return None
    size = structure.shape(value)
    for axis in range(len(size)):
        labels = structure.along(torch.arange(size[axis]), axis, size)
        for node in reversed(swaps):
            labels = structure.rearranged(node, dict.fromkeys(node.all_input_nodes, labels))
        if structure.varies(labels, dim):
            return value, axis
    return None


def readers(graph: Graph, placeholder: fx.Node) -> set[fx.Node]:
    """Return the operations that read a tensor of the model, under any of its names."""
    name = graph.tensors[placeholder.name]
    name = graph.aliases.get(name, name)
    found: set[fx.Node] = set()
    for node in graph.nodes:
        stored = graph.tensors.get(node.name, "") if node.op == "placeholder" else ""
        if stored and graph.aliases.get(stored, stored) == name:
            ones = torch.ones((), dtype=torch.int64).expand(structure.shape(node))
            found |= {reading.node for reading in readings(graph.nodes, node, ones)}
    return found


def label_positions(labels: Tensor) -> Tensor | None:
    """Return (label, place): where each of the labels 1, 2 ... lies along the last dimension.

    None unless all lie equally often, and alike along all other dimensions.
    """
    if any(structure.varies(labels, dim) for dim in range(labels.ndim - 1)):
        return None
    last = labels[(0,) * (labels.ndim - 1)]
    counts = last.bincount()[1:]
    if not len(counts) or not counts[0] or (counts != counts[0]).any():
        return None
    order = last.argsort(stable=True)[int((last == 0).sum()) :]
    return order.reshape(len(counts), -1)
