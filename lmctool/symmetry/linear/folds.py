"""Which norms' gains and shifts go into the layers that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import fx

from lmctool.graph.operations import operation
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.canonical_spec import Norm, Reader
from lmctool.symmetry.linear.layer import layer_of
from lmctool.symmetry.linear.norms import gain_of
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.trace import Reading, label_positions, readers, readings
from lmctool.symmetry.unit_index import UnitIndex

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph
    from lmctool.symmetry.linear.flow import Flow
    from lmctool.symmetry.linear.norms import Gain


class _UnfoldableError(Exception):
    """A gain cannot go into what reads it, for a reason."""


def folds(flow: Flow) -> tuple[list[Norm], dict[str, str]]:
    """Return the norms that can be folded, and for each gain and shift that can't be, why."""
    by_tensor: dict[tuple[str, str], dict[fx.Node, Gain]] = {}
    for node, gain in flow.gains.items():
        key = _name(flow.graph, gain.gain), _name(flow.graph, gain.shift)
        by_tensor.setdefault(key, {})[node] = gain
    norms: list[Norm] = []
    reasons: dict[str, str] = {}
    for (name, shift), gains in by_tensor.items():
        try:
            norms.append(_fold(flow, name, shift, gains))
        except _UnfoldableError as cause:
            reasons |= {each: str(cause) for each in (name, shift) if each}
    return norms, reasons


def _name(graph: Graph, placeholder: fx.Node | None) -> str:
    return graph.tensors[placeholder.name] if placeholder else ""


def _fold(flow: Flow, name: str, shift: str, gains: dict[fx.Node, Gain]) -> Norm:
    """Return how a gain and a shift, of one norm or of several, go into their readers.

    Raises:
        _UnfoldableError: they can't.
    """
    graph = flow.graph
    nodes: set[fx.Node] = set()
    layers: dict[str, Reader] = {}
    weights: list[fx.Node] = []
    first = next(iter(gains.values()))
    for node, gain in gains.items():
        size = structure.shape(node)
        labels = structure.along(torch.arange(1, size[-1] + 1), len(size) - 1, size)
        for reading in readings(graph.nodes, node, labels):
            layer = _reader(graph, name or shift, reading, weights)
            known = layers.setdefault(layer.weight.tensor, layer)
            same = torch.equal(known.weight.index.positions, layer.weight.index.positions)
            if known.bias != layer.bias or not same:
                raise _UnfoldableError(f"{layer.weight.tensor} is used in two ways")
            nodes.add(reading.node)
        if gain.offset != first.offset or gain.centres != first.centres:
            raise _UnfoldableError(f"two norms use {name or shift} in two ways")
    alone = [(each, {*gains}) for each in (first.gain, first.shift) if each is not None]
    for placeholder, users in (*alone, *((weight, nodes) for weight in weights)):
        if others := _readers(flow, placeholder) - users:
            other = sorted(others, key=lambda each: each.name)[0]
            told = graph.tensors[placeholder.name]
            is_tied = told in {*graph.aliases, *graph.aliases.values()}
            hint = "; lmctool convert --untie makes it its own" if is_tied else ""
            raise _UnfoldableError(f"{told} is read elsewhere, too ({other.name}){hint}")
    biased = all(layer.bias for layer in layers.values())
    if shift and not biased and not first.centres:
        raise _UnfoldableError(f"{shift} shifts what a layer without a bias reads")
    return Norm(
        kind="layer" if first.centres else "rms",
        gain=name,
        shift=shift,
        readers=tuple(layers.values()),
        offset=first.offset,
        last=bool(shift) and not biased,
    )


def _readers(flow: Flow, placeholder: fx.Node) -> set[fx.Node]:
    """Return what reads a tensor, also after a number is added to it."""
    found: set[fx.Node] = set()
    for node in readers(flow.graph, placeholder):
        if node.op == "call_function" and gain_of(flow, node):
            ones = torch.ones((), dtype=torch.int64).expand(structure.shape(node))
            found |= {reading.node for reading in readings(flow.graph.nodes, node, ones)}
        else:
            found.add(node)
    return found


def _reader(graph: Graph, gain: str, reading: Reading, weights: list[fx.Node]) -> Reader:
    """Return the layer that reads a scaled value, and note its tensors.

    Raises:
        _UnfoldableError: what reads it is no layer, or doesn't read it whole.
    """
    node = reading.node
    layer = layer_of(graph, node)
    if layer is None or layer.input is not reading.operand:
        name = operation(node) if node.op == "call_function" else node.op
        raise _UnfoldableError(f"{gain} scales what {name} reads ({node.name})")
    positions = label_positions(reading.labels)
    if positions is None:
        raise _UnfoldableError(f"{gain} scales a part of what {node.name} reads")
    weights += [each for each in (layer.weight, layer.bias) if each is not None]
    index = UnitIndex((1 - layer.rows,), positions)
    bias = graph.tensors[layer.bias.name] if layer.bias is not None else ""
    return Reader(Place(graph.tensors[layer.weight.name], index, -1), bias)
