"""The paths that real inputs take through a model whose path depends on the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from lmctool.errors import machine_failure
from lmctool.graph.dispatch_mode import DispatchMode
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lmctool.graph.graph import Graph

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Paths:
    """Every path that was seen.

    Attributes:
        graph: all of them side by side, in one graph: they share the model's tensors, and no more.
        inputs: a batch that takes each.
    """

    graph: Graph
    inputs: tuple[Inputs, ...]


def follow(module: nn.Module, graph: Graph, traced: Inputs, inputs: Inputs) -> Paths:
    """Return the paths that a batch takes, and that each of its examples takes alone.

    Args:
        module: the model, in evaluation mode.
        graph: its graph as it was recorded, which is the first path.
        traced: the batch it was recorded with.
        inputs: (example, ...) a batch for each argument of ``forward``.
    """
    seen = {_signature(module, traced): traced}
    others: list[Graph] = []
    for batch in (inputs, *_each_twice(inputs)):
        try:
            signature = _signature(module, batch)
            if signature in seen:
                continue
            others.append(record_graph(fresh(module), batch))
        except (RuntimeError, ValueError, IndexError) as cause:  # made for batches of one size
            if machine_failure(cause):
                raise
            continue
        seen[signature] = batch
    return Paths(beside(graph, others), tuple(seen.values()))


def _each_twice(inputs: Inputs) -> Iterable[Inputs]:
    """Give each example as a batch of two, which a graph needs to tell the batch from the rest."""
    return (tuple(x[[place, place]] for x in inputs) for place in range(len(inputs[0])))


def _signature(module: nn.Module, inputs: Inputs) -> tuple[object, ...]:
    own = fresh(module)
    tensors = chain(own.named_parameters(), own.named_buffers())
    names = {tensor.data_ptr(): name for name, tensor in tensors if tensor.numel()}
    with torch.no_grad(), _Operations(names) as noted:
        own(*(x.clone() for x in inputs))
    return tuple(noted.operations)


class _Operations(DispatchMode):
    """Notes which operations are done, on which of the model's tensors and with which numbers."""

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names = names
        self.operations: list[object] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation, and note it."""
        leaves = tree_leaves((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        # others, such as sparse ones, have no place in memory
        read = [self.names.get(t.data_ptr()) for t in tensors if t.layout == torch.strided]
        numbers = [leaf for leaf in leaves if isinstance(leaf, int)]
        self.operations.append((func, *read, *numbers))
        return func(*args, **(kwargs or {}))


def beside(first: Graph, others: Sequence[Graph]) -> Graph:
    """Return one graph that does what several do: the nodes of the first keep their names.

    Args:
        first: a recorded graph, which runs as before.
        others: those of other paths through the same model.
    """
    if not others:
        return first
    whole = fx.Graph()
    values: list[dict[fx.Node, fx.Node]] = []
    weights: dict[str, fx.Node] = {}
    constants: dict[str, Tensor] = {}
    inputs: list[str] = []
    for number, graph in enumerate((first, *others)):
        own: dict[fx.Node, fx.Node] = {}
        for node in (node for node in graph.nodes if node.op == "placeholder"):
            name = graph.tensors.get(node.name, "")
            if name in weights:
                own[node] = weights[name]
                continue
            new = whole.placeholder(f"path{number}_{node.name}" if number else node.name)
            new.meta = dict(node.meta)
            own[node] = new
            if name:
                weights[name] = new
            if node.name in graph.constants:
                constants[own[node].name] = graph.constants[node.name]
            if node.name in graph.inputs:
                inputs.append(own[node].name)
        values.append(own)
    outputs: list[Any] = []
    for graph, own in zip((first, *others), values, strict=True):
        for node in graph.nodes:
            if node.op == "call_function":
                own[node] = whole.node_copy(node, own.__getitem__)
            elif node.op == "output":
                outputs.append(fx.map_arg(node.args[0], own.__getitem__))
    whole.output(tuple(outputs))
    module = fx.GraphModule(nn.Module(), whole)
    return replace(first, module=module, constants=constants, inputs=tuple(inputs))
