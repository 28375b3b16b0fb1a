"""Biases of keys, which softmax doesn't see, and of values, which go through an average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, fx

from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.attentions import Attention, attentions
from lmctool.symmetry.linear.canonical_spec import ValueBias
from lmctool.symmetry.linear.layer import layer_of
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.trace import Reading, label_positions, readers, readings
from lmctool.symmetry.unit_index import UnitIndex

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph


def attention_biases(graph: Graph) -> tuple[tuple[Place, ...], tuple[ValueBias, ...]]:
    """Return where the biases of keys and of values lie that can be put elsewhere.

    Args:
        graph: the graph.
    """
    known = [*attentions(graph)]
    keys: list[Place] = []
    values: list[ValueBias] = []
    for node in graph.nodes if known else ():
        layer = layer_of(graph, node)
        if layer is None or layer.bias is None or readers(graph, layer.bias) != {node}:
            continue
        read = [*readings(graph.nodes, node, _rows(node))]
        for attention in known:
            position = -1 if attention.transposed else -2
            key = _read_as(attention.scores, attention.key, position, read)
            value = _read_as(attention.average, attention.value, -2, read)
            moved = None if value is None else _through(graph, layer.bias, attention, value)
            keys += [] if key is None else [_place(graph, layer.bias, key, -1)]
            values += [] if moved is None else [moved]
    return tuple(keys), tuple(values)


def _rows(node: fx.Node) -> Tensor:
    """Return the row of a layer that writes each element of its value, counted from 1."""
    size = structure.shape(node)
    return structure.along(torch.arange(1, size[-1] + 1), len(size) - 1, size)


def _read_as(
    reader: fx.Node, operand: fx.Node | None, position: int, read: list[Reading]
) -> Tensor | None:
    """Return labels of an operand in which a layer's rows are alike at all positions.

    None if the operand isn't made of the layer's rows alone, or something else reads these.
    """
    here = [each for each in read if each.node is reader and each.operand is operand]
    if len(here) != 1 or structure.varies(here[0].labels, position):
        return None
    rows = here[0].labels.unique()  # type: ignore[no-untyped-call]
    others = (each for each in read if each is not here[0])
    if not rows[0] or any(torch.isin(each.labels, rows).any() for each in others):
        return None
    return here[0].labels


def _place(graph: Graph, bias: fx.Node, labels: Tensor, power: int) -> Place:
    """Return where those rows lie in a bias that labels name."""
    rows = labels.unique()[:, None] - 1  # type: ignore[no-untyped-call]
    return Place(graph.tensors[bias.name], UnitIndex((0,), rows), power)


def _through(graph: Graph, bias: fx.Node, attention: Attention, labels: Tensor) -> ValueBias | None:
    """Return how the bias of values goes into the layer that reads their average, if it can."""
    size = structure.shape(attention.average)
    rows = labels.unique()  # type: ignore[no-untyped-call]
    numbered = torch.searchsorted(rows, labels.narrow(-2, 0, 1).contiguous()) + 1
    if labels.ndim > 2 and size[-3] != labels.shape[-3] != 1:
        numbered = numbered.repeat_interleave(size[-3] // labels.shape[-3], -3)
    numbered = numbered.expand(size)
    read = [*readings(graph.nodes, attention.average, numbered)]
    layer = layer_of(graph, read[0].node) if len(read) == 1 else None
    if layer is None or layer.input is not read[0].operand or layer.bias is None:
        return None
    positions = label_positions(read[0].labels)
    if positions is None or readers(graph, layer.bias) != {layer.node}:
        return None
    weight, into = graph.tensors[layer.weight.name], graph.tensors[layer.bias.name]
    reader = Place(weight, UnitIndex((1 - layer.rows,), positions), -1)
    return ValueBias(_place(graph, bias, labels, 1), reader, into)
