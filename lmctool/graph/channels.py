"""The axis of the channels in each value of a graph, followed from the layers that make them."""

from __future__ import annotations

import operator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch

from lmctool.graph.operations import (
    BATCH_NORM,
    CONVOLUTION,
    GROUP_NORM,
    LAYER_NORM,
    LINEAR,
    RMS_NORM,
    arguments,
    is_pointwise,
    operation,
)
from lmctool.graph.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import fx

    from lmctool.graph.graph import Graph

SECOND = CONVOLUTION | BATCH_NORM | GROUP_NORM
"""What gives values whose channels lie behind the examples."""
LAST = LINEAR | {"embedding", "embedding_bag"}
"""What gives values whose last axis is one of a weight."""
RESHAPES = frozenset({"view", "_unsafe_view", "reshape", "flatten", "squeeze", "unsqueeze"})
MOVES = frozenset({"permute", "transpose", "t", "numpy_T"})
"""What puts the axes in another order."""
KEEPS = frozenset(
    {
        *("clone", "contiguous", "alias", "detach", "to", "_to_copy"),
        *("dropout", "native_dropout", "feature_dropout", "alpha_dropout"),
        *("expand", "slice", "roll", "flip", "cat", "split", "split_with_sizes", "chunk"),
        *("constant_pad_nd", "reflection_pad2d", "replication_pad2d"),
    }
)
"""What leaves every axis where it is, counted from the last."""
REARRANGES = RESHAPES | MOVES | KEEPS
"""What computes nothing: every element of the value is one of an operand, or zero."""
SAME_CHANNELS = frozenset(
    {
        *("prelu", "_prelu_kernel", "softmax", "_softmax"),
        *("max_pool1d", "max_pool2d", "max_pool2d_with_indices", "max_pool3d"),
        *("avg_pool1d", "avg_pool2d", "avg_pool3d"),
        *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d"),
        *("upsample_nearest1d", "upsample_nearest2d", "upsample_bilinear2d"),
    }
)
"""What computes, and yet leaves every axis where it is."""


def channels(graph: Graph) -> dict[fx.Node, int]:
    """Return the axis of the channels in each value that has one, counted from the last as -1.

    Convolutions, linear layers, embeddings and normalisations have one of their own.  It is
    followed through what rearranges values, and through what treats every element alike: of two
    operands the one that was computed first decides, for a stream keeps its channels, whatever is
    added to it.
    """
    axes: dict[fx.Node, int] = {}
    order = {node: place for place, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        operands = sorted(node.all_input_nodes, key=order.__getitem__)
        axis = _channel_axis(node, {each: axes[each] for each in operands if each in axes})
        if axis is not None:
            axes[node] = axis
    return axes


def _channel_axis(node: fx.Node, operands: Mapping[fx.Node, int]) -> int | None:
    """Return the axis of a node's channels.

    Args:
        node: the node.
        operands: the axis of each operand that has one, the one computed first in front.
    """
    name = operation(node)
    if name in SECOND:
        return 1 - len(_shape(node) or _shape(node.all_input_nodes[0]))
    if name in LAST:
        return -1
    if name in LAYER_NORM | RMS_NORM and not operands:
        return -1 if len(arguments(node)["normalized_shape"]) == 1 else None
    for operand, axis in operands.items():
        if (found := _followed(node, operand, axis)) is not None:
            return found
    return None


def _followed(node: fx.Node, operand: fx.Node, axis: int) -> int | None:
    """Return the axis of a node's value that an axis of an operand has become; None for none."""
    name = operation(node)
    if node.target is operator.getitem or name in KEEPS | SAME_CHANNELS | LAYER_NORM | RMS_NORM:
        return axis
    if is_pointwise(node):  # what is broadcast along an axis has no channels there
        return axis if _shape(node)[axis:][:1] == _shape(operand)[axis:][:1] else None
    if name in RESHAPES:
        return _reshaped(_shape(operand), _shape(node), axis)
    return _moved(node, axis) if name in MOVES else None


def _reshaped(before: tuple[int, ...], after: tuple[int, ...], axis: int) -> int | None:
    """Return the axis of the same size with as many elements behind each of its steps."""
    behind = _behind(before)[-axis - 1]
    for place, (size, own) in enumerate(zip(reversed(after), _behind(after), strict=False)):
        if (size, own) == (before[axis], behind):
            return -1 - place
    return None


def _behind(shape: tuple[int, ...]) -> list[int]:
    """Return how many elements lie behind each step of an axis, the last axis first."""
    return list(accumulate(reversed(shape), lambda count, size: count * size, initial=1))


def _moved(node: fx.Node, axis: int) -> int:
    """Return where an operation puts an axis, by what it does to a value of distinct sizes."""
    sizes = tuple(range(len(_shape(node))))
    move: Any = node.target
    moved = move(torch.empty(sizes, device="meta"), *node.args[1:], **node.kwargs)
    after: tuple[int, ...] = tuple(moved.shape)
    return after.index(sizes[axis]) - len(after)


def _shape(node: fx.Node) -> tuple[int, ...]:
    """Return the shape of a value; that of several is empty."""
    value = node.meta.get("val")
    return tuple(map(size_of, value.shape)) if isinstance(value, torch.Tensor) else ()
