"""Values of a graph that depend on no parameter, computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

from lmctool.graph.operations import callee, operation
from lmctool.symmetry.linear import structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmctool.graph.graph import Graph


def evaluated(
    graph: Graph, wanted: Iterable[fx.Node], generator: torch.Generator
) -> dict[fx.Node, Any] | None:
    """Return values that depend on no parameter: constants, positions, and random buffers.

    None if one of them depends on the examples, or on whole numbers in a buffer.
    """
    needed = set(wanted)
    for node in reversed(graph.nodes):
        if node in needed:
            needed |= {*node.all_input_nodes}
    known: dict[fx.Node, Any] = {}
    for node in graph.nodes:
        if node not in needed:
            continue
        if node.op == "call_function":
            value = node.meta.get("val")
            known[node] = (
                computed(node, known) if structure.has_values(node) else structure.size(value)  # type: ignore[arg-type]
            )
        elif node.name in graph.constants:
            known[node] = _double(graph.constants[node.name])
        elif node.name in graph.tensors:
            size = structure.shape(node)
            if not node.meta["val"].is_floating_point():
                return None
            known[node] = torch.rand(size, generator=generator, dtype=torch.float64)
        elif any(structure.has_values(user) for user in node.users if user in needed):
            return None
    return known


def _double(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value


def computed(node: fx.Node, known: Mapping[fx.Node, Any]) -> Any:
    """Return the value of an operation, in float64 where it casts to another float."""
    value: Any = node.meta.get("val")
    if operation(node) in structure.IDENTITIES and value.is_floating_point():
        return known[node.args[0]].double()  # type: ignore[index]

    def given(operand: fx.Node) -> Any:
        return known[operand] if operand in known else structure.size(operand.meta["val"])

    args, kwargs = fx.map_arg(node.args, given), fx.map_arg(node.kwargs, given)
    result = callee(node.target)(*args, **kwargs)
    return _double(result) if isinstance(result, Tensor) else result
