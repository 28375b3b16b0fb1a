"""Operations that only move, repeat or drop the elements of a value, run on labels of elements."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_leaves

from lmctool.graph.operations import arguments, callee, operation
from lmctool.graph.sizes import at_batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BATCH = 2
"""How many examples labels are made for."""
IDENTITIES = frozenset(
    {
        *("clone", "contiguous", "to", "_to_copy", "type_as", "alias", "detach"),
        *("lift_fresh_copy", "lift_fresh"),
    }
)
DROPOUT = frozenset({"dropout", "native_dropout", "feature_dropout", "alpha_dropout"})
VIEWS = frozenset(
    {
        *("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze"),
        *("_reshape_alias", "view_copy", "permute", "transpose", "t", "mT", "numpy_T", "swapaxes"),
        *("transpose_", "t_", "expand", "broadcast_to", "repeat", "tile", "movedim"),
        *("repeat_interleave", "slice", "split", "split_with_sizes", "chunk", "tensor_split"),
        *("unsafe_split", "select", "unbind", "cat", "stack", "roll", "flip"),
    }
)
LOOKUPS = frozenset({"embedding", "index", "index_select", "gather"})
"""Operations that pick elements by numbers that a graph doesn't tell."""


def size(value: int | torch.SymInt) -> int:
    """Return a size of a graph as it is for a batch of ``BATCH``."""
    if isinstance(value, int):
        return at_batch(value, BATCH)  # of a graph without symbols
    expression: Any = value.node.expr
    return int(expression.subs(dict.fromkeys(expression.free_symbols, BATCH)))


def shape(node: Any) -> tuple[int, ...]:
    """Return the sizes of a node's value, of the first where it has several."""
    value = node.meta.get("val")
    value = value[0] if isinstance(value, list | tuple) else value
    return tuple(map(size, value.shape)) if isinstance(value, Tensor) else ()


def has_values(node: fx.Node) -> bool:
    """Tell whether an operation computes a tensor: others check or ask for sizes."""
    return any(isinstance(part, Tensor) for part in tree_leaves(node.meta.get("val")))


def broadcast_size(*labels: Tensor) -> tuple[int, ...]:
    """Return the shape that labels have together under broadcasting."""
    shapes = [each.shape for each in labels]
    return tuple(torch.broadcast_shapes(*shapes))  # type: ignore[no-untyped-call]


def compact(*labels: Tensor) -> tuple[Tensor, ...]:
    """Return labels of one shape without what all of them repeat by their strides."""
    for dim, size in enumerate(labels[0].shape):
        if size > 1 and all(each.stride(dim) == 0 for each in labels):
            labels = tuple(each.narrow(dim, 0, 1) for each in labels)
    return labels


def varies(labels: Tensor, dim: int) -> bool:
    """Tell whether labels differ along a dimension."""
    (labels,) = compact(labels)
    return not bool((labels == labels.narrow(dim, 0, 1)).all())


def along(labels: Tensor, dim: int, size: Sequence[int]) -> Tensor:
    """Return labels (position,) of one dimension of a value of a size, the same along others."""
    front = [1] * len(size)
    front[dim] = -1
    return labels.view(front).expand(*size)


def is_structural(node: fx.Node) -> bool:
    """Tell whether an operation only moves, repeats or drops elements, whatever they are."""
    if node.target is operator.getitem:
        return True
    name = operation(node)
    if name in IDENTITIES:
        value = node.meta.get("val")
        return isinstance(value, Tensor) and value.is_floating_point()
    if name in DROPOUT:
        given = arguments(node)
        return given.get("train", given.get("training")) is False
    return name in VIEWS


def looked_up(node: fx.Node, source: fx.Node) -> tuple[int, ...] | None:
    """Return the dimensions of a value that an operation looks up elements along.

    None if it does no such thing to this operand.
    """
    name = operation(node)
    if name not in LOOKUPS or node.args[0] is not source:
        return None
    if name == "index":
        indices: Any = node.args[1]
        return tuple(place for place, index in enumerate(indices) if index is not None)
    return (0,) if name == "embedding" else (int(node.args[1]) % len(shape(source)),)  # type: ignore[arg-type]


def rearranged(node: fx.Node, labels: Mapping[fx.Node, Any]) -> Any:
    """Return the labels of a structural operation's value: a tensor, or several.

    Args:
        node: the operation; or one of ``LOOKUPS`` whose labels are the same along what it
            looks up.
        labels: of those operands that have some; no element of others is labelled.
    """
    if node.target is operator.getitem:
        several: Any = labels[node.args[0]]  # type: ignore[index]
        place: Any = node.args[1]
        nothing = torch.zeros(shape(node), dtype=torch.int64)
        return several[place] if place < len(several) else nothing
    name = operation(node)
    first: Any = node.args[0]
    if name in IDENTITIES | DROPOUT:
        kept = labels[first] if first in labels else torch.zeros(shape(first), dtype=torch.int64)
        return [kept] if isinstance(node.meta.get("val"), list | tuple) else kept

    def given(value: Any) -> Any:
        if not isinstance(value, fx.Node):
            return value
        if value in labels:
            return labels[value]
        known: Any = value.meta.get("val")
        if isinstance(known, Tensor):  # indices, too, of which any will do
            return torch.zeros(shape(value), dtype=torch.int64)
        return size(known)

    return callee(node.target)(*fx.map_arg(node.args, given), **fx.map_arg(node.kwargs, given))


def reduced(node: fx.Node) -> tuple[int, ...]:
    """Return which dimensions an operation runs over; all where none is named."""
    source: Any = node.args[0]
    rank = len(shape(source))
    dims = arguments(node).get("dim")
    numbers = [dims] if isinstance(dims, int) else list(dims or range(rank))
    return tuple(int(dim) % rank for dim in numbers)
