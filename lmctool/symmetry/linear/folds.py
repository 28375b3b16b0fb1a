"""Which norms' gains and shifts go into the layers that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

from lmctool.graph.operations import operation
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.canonical_spec import Norm, Reader
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.trace import Reading, parameter_axis, readers, readings
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
            norms.append(_fold(flow.graph, name, shift, gains))
        except _UnfoldableError as cause:
            reasons |= {each: str(cause) for each in (name, shift) if each}
    return norms, reasons


def _name(graph: Graph, placeholder: fx.Node | None) -> str:
    return graph.tensors[placeholder.name] if placeholder else ""


def _fold(graph: Graph, name: str, shift: str, gains: dict[fx.Node, Gain]) -> Norm:
    """Return how a gain and a shift, of one norm or of several, go into their readers.

    Raises:
        _UnfoldableError: they can't.
    """
    layers: dict[fx.Node, Reader] = {}
    weights: list[fx.Node] = []
    first = next(iter(gains.values()))
    for node, gain in gains.items():
        size = structure.shape(node)
        labels = structure.along(torch.arange(1, size[-1] + 1), len(size) - 1, size)
        for reading in readings(graph.nodes, node, labels):
            layers[reading.node] = _reader(graph, name or shift, reading, weights)
        if gain.offset != first.offset or gain.centres != first.centres:
            raise _UnfoldableError(f"two norms use {name or shift} in two ways")
    alone = [(each, {*gains}) for each in (first.gain, first.shift) if each is not None]
    for placeholder, users in (*alone, *((weight, {*layers}) for weight in weights)):
        if others := readers(graph, placeholder) - users:
            other = sorted(others, key=lambda each: each.name)[0]
            told = graph.tensors[placeholder.name]
            raise _UnfoldableError(f"{told} is read elsewhere, too ({other.name})")
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


def _reader(graph: Graph, gain: str, reading: Reading, weights: list[fx.Node]) -> Reader:
    """Return the layer that reads a scaled value, and note its tensors."""
    node, name = reading.node, operation(reading.node)
    args: Any = node.args
    layers = {"linear": (0, 1, 2, -1), "addmm": (1, 2, 0, -2), "baddbmm": (1, 2, 0, -2)}
    x, w, b, dim = layers.get(name, (0, 1, None, -2))
    known = name in layers or name in ("matmul", "mm", "bmm")
    found = None
    if known and args[x] is reading.operand and args[w] is not reading.operand:
        found = parameter_axis(graph, args[w], dim)
    if found is None:
        raise _UnfoldableError(f"{gain} scales what {name} reads ({node.name})")
    weight, axis = found
    weights.append(weight)
    bias = ""
    given = args[b] if b is not None and len(args) > b else None
    if given is not None:
        stored = parameter_axis(graph, given, -1)
        if stored is None or len(structure.shape(stored[0])) != 1:
            raise _UnfoldableError(f"the bias of {node.name} is computed")
        bias = graph.tensors[stored[0].name]
        weights.append(stored[0])
    positions = _positions(reading.labels)
    if positions is None:
        raise _UnfoldableError(f"{gain} scales some of what {name} reads ({node.name})")
    return Reader(Place(graph.tensors[weight.name], UnitIndex((axis,), positions), -1), bias)


def _positions(labels: Tensor) -> Tensor | None:
    """Return (label, place): where each label lies along the last dimension, if all lie so."""
    for dim in range(labels.ndim - 1):
        if structure.varies(labels, dim):
            return None
    return places(labels[(0,) * (labels.ndim - 1)])


def places(labels: Tensor) -> Tensor | None:
    """Return (label, place): where each of the labels 1, 2 ... lies, if all lie equally often."""
    counts = labels.bincount()[1:]
    if not len(counts) or int(counts.min()) != int(counts.max()) or not int(counts.min()):
        return None
    order = labels.argsort(stable=True)[int((labels == 0).sum()) :]
    return order.reshape(len(counts), -1)
