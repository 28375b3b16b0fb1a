"""What each operation says about the axes of its operands and of its value.

A rule takes a node and the axes known so far, unifies or fixes what the operation demands, and
returns the axes of the node's value.  An operation without a rule fixes all its operands: less
may move then, and the function is still kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from lmctool.graph.operations import BATCH_NORM, CONVOLUTION, LINEAR, aten, is_pointwise
from lmctool.symmetry.axis import ANY, Axis, unify
from lmctool.symmetry.known import Axes, Known, Rule, fresh, sizes
from lmctool.symmetry.layer_rules import (
    batch_norm,
    convolution,
    group_norm,
    layer_norm,
    linear,
    pooling,
)
from lmctool.symmetry.shape_rules import (
    concatenated,
    expanded,
    padded,
    permuted,
    reduction,
    size_of,
    sliced,
    unchanged,
    view,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def value_axes(node: fx.Node, known: Known) -> Any:
    """Return the axes of a node's value, by the rule of its operation."""
    rule = RULES.get(node.target)
    if rule is None:
        rule = pointwise if is_pointwise(node) else refused
    return rule(node, known)


def refused(node: fx.Node, known: Known) -> Any:
    """Fix every operand of an operation that has no rule."""
    reason = f"operation {getattr(node.target, '__name__', node.target)} has no rule"
    for operand in node.all_input_nodes:
        for axis in known.of(operand):
            axis.fix(reason)
    value = node.meta.get("val")
    if isinstance(value, list | tuple):
        return [
            tuple(Axis(ANY if not isinstance(s, int) else s, reason) for s in part.shape)
            if isinstance(part, torch.Tensor)
            else ()
            for part in value
        ]
    return fresh(node, reason)


def pointwise(node: fx.Node, known: Known) -> Axes:
    """Tie the axes of all operands under broadcasting."""
    shape = sizes(node)
    out: list[Axis | None] = [None] * len(shape)
    for operand in node.all_input_nodes:
        axes = known.of(operand)
        for position in range(1, len(axes) + 1):
            axis, whole = axes[-position], out[-position]
            if axis.size == 1 and shape[-position] != 1:
                continue
            if whole is None:
                out[-position] = axis
            elif whole.find() is not axis.find():
                unify(whole, axis)
    return tuple(
        Axis(size) if axis is None else axis for axis, size in zip(out, shape, strict=True)
    )


RULES: Mapping[Any, Rule] = {
    **dict.fromkeys(LINEAR, linear),
    **dict.fromkeys(CONVOLUTION, convolution),
    **dict.fromkeys(BATCH_NORM, batch_norm),
    aten.layer_norm.default: layer_norm,
    aten.group_norm.default: group_norm,
    **dict.fromkeys((aten.max_pool1d.default, aten.avg_pool1d.default), pooling(1)),
    **dict.fromkeys((aten.max_pool2d.default, aten.avg_pool2d.default), pooling(2)),
    **dict.fromkeys((aten.max_pool3d.default, aten.avg_pool3d.default), pooling(3)),
    aten.adaptive_avg_pool1d.default: pooling(1),
    aten.adaptive_avg_pool2d.default: pooling(2),
    aten.adaptive_avg_pool3d.default: pooling(3),
    aten.mean.dim: reduction,
    aten.sum.dim_IntList: reduction,
    aten.amax.default: reduction,
    **dict.fromkeys(
        (
            aten.view.default,
            aten.reshape.default,
            aten._unsafe_view.default,
            aten.flatten.using_ints,
            aten.unsqueeze.default,
            aten.squeeze.dim,
            aten.squeeze.dims,
        ),
        view,
    ),
    **dict.fromkeys((aten.permute.default, aten.transpose.int, aten.t.default), permuted),
    aten.expand.default: expanded,
    aten.slice.Tensor: sliced,
    aten.pad.default: padded,
    aten.constant_pad_nd.default: padded,
    aten.cat.default: concatenated,
    **dict.fromkeys((aten.clone.default, aten.contiguous.default, aten.dropout.default), unchanged),
    aten.sym_size.int: size_of,
}
