"""A graph without the BatchNorms that can be fused into the layers before them.

In evaluation mode a BatchNorm is affine in each channel, as the layer before it is: the layer does
both, with another weight and another bias.  That spares a pass over the layer's values, and so does
writing over values that nothing else reads.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from torch import Tensor, fx

from lmctool.graph.fuse_batchnorm import batchnorm_fusion
from lmctool.graph.operations import (
    CONVOLUTION,
    LINEAR,
    arguments,
    aten,
    batch_norm,
    callee,
    operation,
)
from lmctool.graph.tap_affine import correctable_taps, corrected_taps, corrections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.graph.graph import Graph
    from lmctool.graph.targets import Target

    Weights = Mapping[str, Tensor]

NEW = frozenset({aten.add.Tensor, aten.add_.Tensor, aten.addcmul.default})
"""Operations, beside layers, whose values are in memory of their own."""


class FoldedGraph:
    """Computes what a graph does, without the BatchNorms that can be fused.

    Attributes:
        graph: the graph, followed by torch.export.
        layers: the layers that take their BatchNorms in.
    """

    def __init__(self, graph: Graph) -> None:
        """Take the graph; what runs in its place is made once for each set of corrected taps."""
        self.graph = graph
        self._fusion = batchnorm_fusion(graph)
        self._nodes = {node.name: node for node in graph.nodes}
        self.layers = tuple(
            layer for layer in self._fusion.layers if _normalised(self._nodes[layer.tap])
        )
        self._modules: dict[tuple[str, ...], fx.GraphModule] = {}

    def takes(self, weights: Weights) -> bool:
        """Tell whether weights have all tensors, and correct nothing before a BatchNorm."""
        aliases = self.graph.aliases
        names = self.graph.tensors.values()
        return all(n in weights or aliases.get(n) in weights for n in names) and not any(
            layer.tap in corrected_taps(weights) for layer in self.layers
        )

    def __call__(
        self, weights: Weights, laid_out: Callable[[Tensor], Tensor]
    ) -> Callable[[Tensor], Tensor]:
        """Return what computes the outputs of a network, in several threads at a time as well.

        Args:
            weights: the network, with the corrections of its taps.
            laid_out: brings a weight into the memory format of the images.
        """
        taps = tuple(corrected_taps(weights))
        if taps not in self._modules:
            self._modules[taps] = self._without_batchnorms(taps)
        module = self._modules[taps]
        names = [node.target for node in module.graph.nodes if node.op == "placeholder"]
        fused = {name: laid_out(tensor) for name, tensor in self._fusion(weights).items()}
        beside: dict[str, Tensor] = {}
        for tap, both in corrections(weights, self._correctable).items():
            shape = [1] * self._nodes[tap].meta["val"].ndim
            shape[self._correctable[tap].axis] = -1
            beside |= dict(zip(_beside(tap), [each.view(shape) for each in both], strict=True))

        def outputs(inputs: Tensor) -> Tensor:
            given = {node.name: value for node, value in self.graph.bound(fused, inputs).items()}
            given |= {name: value.to(inputs.dtype) for name, value in beside.items()}
            value: Tensor = module.forward(*(given[name] for name in names))
            return value

        return outputs

    @cached_property
    def _correctable(self) -> Mapping[str, Target]:
        return correctable_taps(self.graph)

    def _without_batchnorms(self, taps: tuple[str, ...]) -> fx.GraphModule:
        """Return the operations that are left, where weights correct some taps."""
        copied = fx.Graph()
        own: dict[fx.Node, fx.Node] = {}
        copied.graph_copy(self.graph.module.graph, own)
        copied.output(own[self.graph.output])
        places = {node.name: own[node] for node in self.graph.nodes if node in own}
        for name, node in places.items():
            if node.op == "placeholder":
                node.target = name  # which the copy may be called otherwise
        for layer in self.layers:
            _fold(places[layer.tap], has_bias=bool(layer.bias))
        for tap in taps:
            _correct(places[tap])
        copied.eliminate_dead_code()
        for node in copied.nodes:
            _write_over(node)
            if node.op == "call_function":
                node.target = callee(node.target)
        return fx.GraphModule(self.graph.module, copied)


def _normalised(layer: fx.Node) -> fx.Node | None:
    """Return the value of the BatchNorm behind a layer; None where another one of it is read."""
    (norm,) = layer.users
    if isinstance(norm.meta["val"], Tensor):
        return norm
    first, *others = norm.users  # of several values, each behind an operation that takes it out
    return None if others or first.args[1] != 0 else first


def _fold(layer: fx.Node, *, has_bias: bool) -> None:
    """Let what reads a BatchNorm read its layer, whose tensors are those of a fused network.

    A layer without a bias leaves the shift to its BatchNorm, whose bias it is, or the negative of
    the running mean.
    """
    value = _normalised(layer)
    norm = batch_norm(next(iter(layer.users)))
    assert value is not None and norm is not None
    if not has_bias:
        with layer.graph.inserting_before(layer):
            shift = norm.bias or layer.graph.call_function(aten.neg.default, (norm.mean,))
        layer.kwargs = arguments(layer) | {"bias": shift}
        layer.args = ()
    value.replace_all_uses_with(layer)


def _correct(place: fx.Node) -> None:
    """Let what reads a value read its correction, as ``tap_affine.affine`` has it."""
    graph = place.graph
    with graph.inserting_before(next(iter(graph.nodes))):
        scale, shift = (graph.placeholder(name) for name in _beside(place.name))
    with graph.inserting_after(place):
        corrected = graph.call_function(aten.addcmul.default, (shift, place, scale))
    corrected.meta["val"] = place.meta["val"]
    place.replace_all_uses_with(corrected, lambda user: user is not corrected)


def _beside(tap: str) -> tuple[str, str]:
    """Return what the scale and the shift of a tap are called among the inputs."""
    return f"scale_of_{tap}", f"shift_of_{tap}"


def _write_over(node: fx.Node) -> None:
    """Let an operation write over an operand that nothing else reads, if it can."""
    if node.target is aten.relu.default and _is_spare(node.args[0]):
        node.target = aten.relu_.default
    elif node.target is aten.add.Tensor and not node.kwargs:
        first, second = node.args
        for one, other in ((first, second), (second, first)):
            if _is_spare(one) and isinstance(other, fx.Node) and _alike(one, node):
                node.target, node.args = aten.add_.Tensor, (one, other)
                return


def _is_spare(value: object) -> bool:
    """Tell whether a value is in memory of its own, and read once."""
    if not isinstance(value, fx.Node) or value.op != "call_function" or len(value.users) != 1:
        return False
    return value.target in NEW or operation(value) in LINEAR | CONVOLUTION


def _alike(one: object, other: fx.Node) -> bool:
    """Tell whether two values have one shape and one dtype."""
    first, second = (node.meta.get("val") for node in (one, other))  # type: ignore[attr-defined]
    return (
        isinstance(first, Tensor)
        and isinstance(second, Tensor)
        and (first.dtype, tuple(first.shape)) == (second.dtype, tuple(second.shape))
    )
