"""Linear layers, whose rows write units: their tensors, and who reads what they write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import operation
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.trace import STRAIGHT, parameter_axis, readers
from lmctool.symmetry.unit_index import UnitIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, fx

    from lmctool.graph.graph import Graph

OPERANDS = {"linear": (0, 1, 2), "addmm": (1, 2, 0), "matmul": (0, 1, None), "mm": (0, 1, None)}
"""Where each operation has its input, its weight and its bias."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A linear layer.

    Attributes:
        node: its operation.
        input: the value that it reads.
        weight: the placeholder of its weight.
        rows: the axis of the weight that its value's last axis is.
        bias: the placeholder of its bias; None for none.
    """

    node: fx.Node
    input: fx.Node
    weight: fx.Node
    rows: int
    bias: fx.Node | None

    def places(self, graph: Graph, positions: Tensor, power: int) -> Iterator[Place]:
        """Give each place where the layer has units at positions of its rows.

        Args:
            graph: the graph.
            positions: (unit, place) int64.
            power: the power there.
        """
        for placeholder, axis in ((self.weight, self.rows), (self.bias, 0)):
            if placeholder is not None:
                first = graph.tensors[placeholder.name]
                first = graph.aliases.get(first, first)
                tied = (name for name, other in graph.aliases.items() if other == first)
                for name in (first, *tied):
                    yield Place(name, UnitIndex((axis,), positions), power)

    def is_alone(self, graph: Graph) -> bool:
        """Tell whether nothing else reads its tensors."""
        tensors = [each for each in (self.weight, self.bias) if each is not None]
        return all(readers(graph, each) == {self.node} for each in tensors)


def is_layer(node: fx.Node) -> bool:
    """Tell whether an operation multiplies a value with a tensor of the model, or may do so."""
    if node.op != "call_function" or operation(node) not in OPERANDS:
        return False
    weight: Any = node.args[OPERANDS[operation(node)][1]]
    while weight.op == "call_function" and operation(weight) in STRAIGHT:
        weight = weight.args[0]
    return bool(weight.op == "placeholder")


def layer_of(graph: Graph, node: fx.Node) -> Layer | None:
    """Return the layer that an operation is; None if its weight or bias is computed."""
    if not is_layer(node):
        return None
    args: Any = node.args
    name = operation(node)
    x, w, b = OPERANDS[name]
    weight = parameter_axis(graph, args[w], -2 if name == "linear" else -1)
    given = args[b] if b is not None and len(args) > b else None
    bias = None if given is None else parameter_axis(graph, given, -1)
    if weight is None or (given is not None and bias is None):
        return None
    if len(structure.shape(weight[0])) != 2 or (bias and len(structure.shape(bias[0])) != 1):
        return None
    return Layer(node, args[x], *weight, bias[0] if bias else None)
