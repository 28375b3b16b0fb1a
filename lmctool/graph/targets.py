"""The places in a graph whose statistics REPAIR corrects: layers, blocks and BatchNorms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmctool.graph.channels import channels
from lmctool.graph.operations import (
    CONVOLUTION,
    LINEAR,
    arguments,
    aten,
    batch_norm,
    groups,
    is_transposed,
    operation,
)
from lmctool.graph.residual import residual_additions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import fx

    from lmctool.graph.graph import Graph

TURNED = frozenset({aten.t.default, aten.numpy_T.default, aten.transpose.int, aten.permute.default})
"""What may lie between a stored weight of two axes and the layer that it is turned for."""
Kind = Literal["layers", "blocks", "both"]


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """A BatchNorm of the model.

    Attributes:
        mean: the name of its running mean.
        variance: that of its running variance.
        epsilon: what is added to the variance.
        weight: the name of what multiplies the normalised value; empty for none.
        bias: that of what is added then; empty for none.
        shared: whether something else of the graph reads one of these tensors.
    """

    mean: str
    variance: str
    epsilon: float
    weight: str = ""
    bias: str = ""
    shared: bool = False

    @property
    def name(self) -> str:
        """What the model calls it."""
        return self.mean.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Target:
    """A value of the graph whose channels' mean and standard deviation are to be set.

    Attributes:
        name: the layer or block, as the model calls it.
        tap: the name of the node whose value it is.
        axis: the axis of its channels.
        channels: how many channels it has.
        kind: ``layer`` (the preactivations of a convolution or hidden linear layer), ``block``
            (the value after a residual addition), ``batchnorm`` (the input of a BatchNorm) or
            ``output`` (what the model returns, where that is no layer's or block's).
        weight: the name of the layer's weight; empty for the other kinds.
        bias: the name of its bias, or empty.
        batchnorm: the BatchNorm that reads the value and nothing else does, or the BatchNorm
            itself, or None: its ``mean`` and ``variance`` are the names of the running statistics,
            its ``epsilon`` is a number.
        rows: the axis of a layer's weight that holds the channels, so that weight and bias can hold
            a scale; -1 where none does by itself, or where something else of the graph reads the
            same weight, bias or running mean.
    """

    name: str
    tap: str
    axis: int
    channels: int
    kind: Literal["layer", "block", "batchnorm", "output"]
    weight: str = ""
    bias: str = ""
    batchnorm: BatchNorm | None = None
    rows: int = 0

    @property
    def fusable(self) -> bool:
        """Whether the model's own tensors can hold a scale and a shift of each channel."""
        home = self.bias or self.batchnorm
        return self.kind == "layer" and self.rows >= 0 and bool(home)


def targets(graph: Graph, kind: Kind) -> tuple[Target, ...]:
    """Return the targets of a graph, in the order they are computed.

    Layers are convolutions and linear layers whose output isn't the model's.  A block is the value
    after a residual addition, whose channels are those of the layers that it came from.
    """
    inner = [node for node in graph.nodes if node is not graph.output]
    return tuple(_targets(graph, inner, kind))


def layer_outputs(graph: Graph) -> tuple[Target, ...]:
    """Return the outputs of layers and residual blocks in the order they are computed.

    The last one is the model's own: of a layer or a block if it is one's, else of kind ``output``.
    One number an example is one channel, which has no axis.
    """
    found = [*_targets(graph, graph.nodes, "both")]
    last = graph.output.name
    if all(target.tap != last for target in found):
        axis = channels(graph).get(graph.output, -1)
        count = _size(graph.output, axis) if graph.output.meta["val"].ndim > 1 else 1
        found.append(Target("output", last, axis, count, "output"))
    return tuple(found)


def _targets(graph: Graph, nodes: Iterable[fx.Node], kind: Kind) -> Iterator[Target]:
    blocks = _blocks(graph) if kind != "layers" else {}
    reads = _reads(graph)
    for node in nodes:
        if node.op != "call_function" or node.meta.get("is_step"):
            continue
        if kind != "blocks" and operation(node) in LINEAR | CONVOLUTION:
            yield from _layer(graph, node, reads)
        if node in blocks:
            axis = blocks[node]
            yield Target(_module(node), node.name, axis, _size(node, axis), "block")


def batchnorms(graph: Graph) -> tuple[Target, ...]:
    """Return the input of every BatchNorm with running statistics."""
    targets = []
    reads = _reads(graph)
    for node in graph.nodes:
        norm = _batchnorm(graph, node, reads)
        if norm is not None:
            tap = node.all_input_nodes[0]
            place = (tap.name, 1, _size(tap, 1))
            targets.append(Target(norm.name, *place, "batchnorm", batchnorm=norm))
    return tuple(targets)


def _layer(graph: Graph, node: fx.Node, reads: Counter[str]) -> Iterator[Target]:
    weight, bias, rows = _parameters(node)
    if weight.name not in graph.tensors:
        return
    name = graph.tensors[weight.name]
    own_bias = graph.tensors.get(bias.name, "") if bias else ""
    axis = -1 if operation(node) in LINEAR else 1
    alone = len(node.users) == 1 and axis % len(node.meta["val"].shape) == 1
    norm = _batchnorm(graph, next(iter(node.users)), reads) if alone else None
    written = (name, own_bias or (norm.mean if norm else ""))
    shared = any(reads[graph.aliases.get(each, each)] > 1 for each in written)
    made = bias is not None and not own_bias  # a bias that is computed cannot take a scale
    yield Target(
        name=name.removesuffix(".weight"),
        tap=node.name,
        axis=axis,
        channels=_size(node, axis),
        kind="layer",
        weight=graph.aliases.get(name, name),
        rows=-1 if shared or made else rows,
        bias=graph.aliases.get(own_bias, own_bias),
        batchnorm=norm,
    )


def _reads(graph: Graph) -> Counter[str]:
    """Return how many operations read each tensor, tied ones under the name that stands for it."""
    reads: Counter[str] = Counter()
    for node in graph.nodes:
        for read in node.all_input_nodes if node.target not in TURNED else ():
            source = read.all_input_nodes[0] if read.target in TURNED else read
            if source.name in graph.tensors:
                name = graph.tensors[source.name]
                reads[graph.aliases.get(name, name)] += 1
    return reads


def _parameters(node: fx.Node) -> tuple[fx.Node, fx.Node | None, int]:
    """Return the weight and bias of a layer, and the axis of the weight that holds its channels."""
    given = arguments(node)
    if operation(node) == "addmm":  # bias + x @ weight, where the weight is (in, out)
        weight, bias, rows = given["mat2"], given["self"], 1
    else:
        weight, bias = given["weight"], given.get("bias")
        rows = 0 if not is_transposed(node) else 1 if groups(node) == 1 else -1
    if weight.target in TURNED and rows >= 0:
        return weight.all_input_nodes[0], bias, 1 - rows
    return weight, bias, rows


def _batchnorm(graph: Graph, node: fx.Node, reads: Counter[str]) -> BatchNorm | None:
    norm = batch_norm(node)
    if norm is None or norm.trains or norm.mean is None or norm.variance is None:
        return None

    def stored(part: fx.Node | None) -> str:
        name = graph.tensors.get(part.name, "") if part else ""
        return graph.aliases.get(name, name)

    parts = [norm.mean, norm.variance, norm.weight, norm.bias]
    names = [*map(stored, parts)]
    if not (names[0] and names[1]):
        return None
    own = [name for name, part in zip(names, parts, strict=True) if part is not None]
    shared = any(reads[name] != 1 for name in own)  # one that is computed has no name
    return BatchNorm(names[0], names[1], norm.epsilon, names[2], names[3], shared)


def _blocks(graph: Graph) -> dict[fx.Node, int]:
    """Return the residual additions, and the axis of the channels of each."""
    axes = channels(graph)
    blocks = {}
    for node in residual_additions(graph):
        if node in axes:
            second = axes[node] != -1 and axes[node] == 1 - len(node.meta["val"].shape)
            blocks[node] = 1 if second else axes[node]
    return blocks


def _size(node: fx.Node, axis: int) -> int:
    """Return the size of an axis of a node's value."""
    return int(node.meta["val"].shape[axis])


def _module(node: fx.Node) -> str:
    """Return the path of the module whose forward computes a node."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack and stack[-1][0] else node.name
