"""Which buffers move with the units that lie along them.

A buffer that is multiplied with weights, or that has a number for each unit of a layer, is one
more tensor of that layer: frozen statistics, fixed noise, random features.  One that has a number
for each place in the activations is a table of positions or a mask, and stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, fx
from torch.utils._pytree import tree_leaves

from lmctool.graph.operations import (
    BATCH_NORM,
    CONVOLUTION,
    GROUP_NORM,
    LAYER_NORM,
    LINEAR,
    RMS_NORM,
    is_pointwise,
    operation,
)
from lmctool.symmetry.axis_table import sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.graph.graph import Graph

SUMS = frozenset({"addmm", "baddbmm", "addmv", "_addmm_activation"})
"""Contractions whose first operand is added to the result, element by element."""
WEIGHED = (
    LINEAR | SUMS | CONVOLUTION | BATCH_NORM | LAYER_NORM | RMS_NORM | GROUP_NORM
) | frozenset(
    {
        *("matmul", "mm", "bmm", "mv", "dot", "vdot", "einsum", "bilinear", "instance_norm"),
        *("cdist", "_cdist_forward", "cosine_similarity", "pairwise_distance"),
    }
)
"""Operations that take a weight or a statistic beside activations."""


def movable(graph: Graph, name: str, stored: Iterable[fx.Node], active: frozenset[fx.Node]) -> bool:
    """Tell whether a buffer moves with the units that lie along it.

    Args:
        graph: the graph of the model.
        name: the name of the buffer.
        stored: its placeholders.
        active: what ``activations`` returns.
    """
    values = list(stored)
    if name in graph.masks or any(not _real(node) for node in values):
        return False
    for value in values:  # which grows by what is computed of weights and buffers alone
        for reader in value.users:
            if reader not in active:
                values += [reader] if reader not in values else []
            elif operation(reader) in WEIGHED and not _is_added(value, reader):
                continue
            elif not (is_pointwise(reader) or _is_added(value, reader)) or _is_table(value):
                return False
    return True


def activations(nodes: Sequence[fx.Node], inputs: Iterable[str]) -> frozenset[fx.Node]:
    """Return the nodes whose values depend on the examples, and not on their shapes alone."""
    names, active = {*inputs}, set[fx.Node]()
    for node in nodes:
        reads = any(operand in active for operand in node.all_input_nodes)
        if node.name in names or (reads and _is_tensor(node) and node.op != "output"):
            active.add(node)
    return frozenset(active)


def _is_added(value: fx.Node, reader: fx.Node) -> bool:
    return operation(reader) in SUMS and reader.args[0] is value


def _is_table(value: fx.Node) -> bool:
    """Tell whether a value has several axes."""
    return sum(size > 1 for size in sizes(value)) > 1


def _is_tensor(node: fx.Node) -> bool:
    return any(isinstance(part, Tensor) for part in tree_leaves(node.meta.get("val")))


def _real(node: fx.Node) -> bool:
    return bool(node.meta["val"].dtype.is_floating_point)
