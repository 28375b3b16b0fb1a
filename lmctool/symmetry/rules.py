"""What each operation says about the axes of its operands and of its value.

A rule takes a node and the axes known so far, unifies or fixes what the operation demands, and
returns the axes of the node's value.  An operation without a rule fixes all its operands: less
may move then, and the function is still kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from lmctool.graph.operations import BATCH_NORM, CONVOLUTION, LINEAR, aten, groups, is_pointwise
from lmctool.symmetry.axis import ANY, Axis, concat, cut, product, unify

Axes = tuple[Axis, ...]
SPATIAL = "it is a spatial position"


@dataclass
class Known:
    """The axes of every value met so far, by node."""

    axes: dict[fx.Node, Any] = field(default_factory=dict)

    def of(self, value: object) -> Axes:
        """Return the axes of an operand; none for a number."""
        found = self.axes.get(value, ()) if isinstance(value, fx.Node) else ()
        return found if isinstance(found, tuple) else ()


Rule = Callable[[fx.Node, Known], Any]


def fresh(node: fx.Node, reason: str = "") -> Axes:
    """Return new atoms for the axes of a node's value."""
    return tuple(Axis(size, reason) for size in sizes(node))


def sizes(node: fx.Node) -> tuple[int, ...]:
    """Return the sizes of a node's value; one that varies with the batch is ``ANY``."""
    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor):
        return ()
    return tuple(size if isinstance(size, int) else ANY for size in value.shape)


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


def linear(node: fx.Node, known: Known) -> Axes:
    """Contract the last axis with the weight's; the weight's rows are the new axis."""
    x, weight = known.of(node.args[0]), known.of(node.args[1])
    unify(x[-1], weight[1])
    for bias in node.args[2:3]:
        _tie(known.of(bias)[:1], weight[:1])
    return (*x[:-1], weight[0])


def convolution(node: fx.Node, known: Known) -> Axes:
    """Contract the channels; groups move as wholes, and alike inside."""
    x, weight = known.of(node.args[0]), known.of(node.args[1])
    kernel = len(weight) - 2
    _fix(x[-kernel:], SPATIAL)
    _fix(weight[2:], "it is a position in a kernel")
    count = groups(node)
    if count == 1:
        unify(x[-kernel - 1], weight[1])
    else:
        group = Axis(count)
        unify(x[-kernel - 1], product((group, weight[1])))
        unify(weight[0], product((group, Axis(weight[0].size // count))))
    for bias in node.args[2:3]:
        _tie(known.of(bias)[:1], weight[:1])
    return (*x[: -kernel - 1], weight[0], *_spatial(node, kernel))


def batch_norm(node: fx.Node, known: Known) -> Any:
    """Tie the channels with the affine parameters and the running statistics."""
    x = known.of(node.args[0])
    for parameter in node.args[1:5]:
        _tie(known.of(parameter), x[1:2])
    return [x, (), ()] if isinstance(node.meta.get("val"), list | tuple) else x


def layer_norm(node: fx.Node, known: Known) -> Axes:
    """Tie the normalised axes with the affine parameters; statistics don't mind the order."""
    x = known.of(node.args[0])
    normalised = x[len(x) - len(node.args[1]) :]  # type: ignore[arg-type]
    for parameter in node.args[2:4]:
        _tie(known.of(parameter), normalised)
    return x


def group_norm(node: fx.Node, known: Known) -> Axes:
    """Let groups move as wholes, and channels within them."""
    x = known.of(node.args[0])
    count = int(node.args[1])  # type: ignore[arg-type]
    unify(x[1], product((Axis(count), Axis(x[1].size // count))))
    for parameter in node.args[2:4]:
        _tie(known.of(parameter), x[1:2])
    return x


def pooling(axes_per_kernel: int) -> Rule:
    """Return the rule of a pooling over the last axes, which are spatial."""

    def rule(node: fx.Node, known: Known) -> Axes:
        x = known.of(node.args[0])
        _fix(x[-axes_per_kernel:], SPATIAL)
        return (*x[:-axes_per_kernel], *_spatial(node, axes_per_kernel))

    return rule


def reduction(node: fx.Node, known: Known) -> Axes:
    """Drop the reduced axes: a sum doesn't mind the order of what it adds."""
    x = known.of(node.args[0])
    dims: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    listed = [dims] if isinstance(dims, int) else list(dims or range(len(x)))
    dropped = {dim % len(x) for dim in listed}
    kept = len(sizes(node)) == len(x)
    return tuple(
        Axis(1) if position in dropped else axis
        for position, axis in enumerate(x)
        if kept or position not in dropped
    )


def view(node: fx.Node, known: Known) -> Axes:
    """Match axes of one size, and products of axes with the axes they become."""
    old, shape = list(known.of(node.args[0])), list(sizes(node))
    new: list[Axis] = []
    while old and shape and old[0].size == shape[0]:
        new.append(old.pop(0))
        shape.pop(0)
    if ANY in shape or any(axis.size == ANY for axis in old):
        _fix(old, "it is flattened together with the batch")
        return (*new, *(Axis(size, "it is flattened with the batch") for size in shape))
    while old or shape:
        inside, outside = _together(old, shape)
        if len(inside) == len(outside) == 1:
            new.extend(inside)
            continue
        made = [Axis(size) for size in outside]
        unify(product(tuple(inside)), product(tuple(made)))
        new.extend(made)
    return tuple(new)


def _together(old: list[Axis], shape: list[int]) -> tuple[list[Axis], list[int]]:
    """Take the fewest axes off both fronts that have one number of elements."""
    inside: list[Axis] = []
    outside: list[int] = []
    left = right = 1
    while (not inside and not outside) or left != right:
        if old and (left <= right or not shape):
            inside.append(old.pop(0))
            left *= inside[-1].size
        else:
            outside.append(shape.pop(0))
            right *= outside[-1]
    while not old and shape:  # what is left has size 1
        outside.append(shape.pop(0))
    while not shape and old:
        inside.append(old.pop(0))
    return inside, outside


def permuted(node: fx.Node, known: Known) -> Axes:
    """Reorder the axes."""
    x = known.of(node.args[0])
    if node.target is aten.permute.default:
        order = [int(dim) for dim in node.args[1]]  # type: ignore[union-attr,arg-type]
    else:
        order = list(range(len(x)))
        first, second = (int(dim) for dim in node.args[1:3]) if len(node.args) > 1 else (0, 1)  # type: ignore[arg-type]
        order[first], order[second] = order[second], order[first]
    return tuple(x[position] for position in order)


def expanded(node: fx.Node, known: Known) -> Axes:
    """Pass axes on; what is repeated is new, and the same everywhere along itself."""
    x, shape = known.of(node.args[0]), sizes(node)
    padded = (Axis(1),) * (len(shape) - len(x)) + x
    return tuple(
        axis if axis.size == size else Axis(size) for axis, size in zip(padded, shape, strict=True)
    )


def sliced(node: fx.Node, known: Known) -> Axes:
    """Cut an axis where a slice starts and ends; a slice with steps fixes it."""
    x = list(known.of(node.args[0]))
    defaults = (None, 0, 0, None, 1)
    arguments: list[Any] = [*node.args, *defaults[len(node.args) :]]
    dim, start, step = int(arguments[1]), arguments[2], arguments[4]
    position, size = dim % len(x), sizes(node)[dim]
    axis = x[position]
    if size == axis.size:
        return tuple(x)
    if step == 1 and size != ANY and axis.size != ANY and isinstance(start, int):
        begin = start % axis.size if start < 0 else start
        head = cut(axis, begin) if begin else (None, axis)
        tail = head and (cut(head[1], size) if head[1].size > size else (head[1], None))
        if tail:
            x[position] = tail[0]
            return tuple(x)
    axis.fix("only some of its units are taken")
    x[position] = Axis(size, "only some of its units are taken")
    return tuple(x)


def padded(node: fx.Node, known: Known) -> Axes:
    """Lay constants around an axis; they are all alike, so they may move among themselves."""
    x = list(known.of(node.args[0]))
    mode = node.args[2] if len(node.args) > 2 else "constant"
    pads: Sequence[int] = node.args[1]  # type: ignore[assignment]
    constant = mode == "constant" or not isinstance(mode, str)
    for step in range(len(pads) // 2):
        before, after = pads[2 * step], pads[2 * step + 1]
        axis = x[-1 - step]
        if before == after == 0:
            continue
        if constant and before >= 0 and after >= 0 and axis.size != ANY:
            x[-1 - step] = concat((Axis(before), axis, Axis(after)))
        else:
            axis.fix("it is padded with its own units")
            x[-1 - step] = Axis(sizes(node)[-1 - step], "it is padded with units of its own")
    return tuple(x)


def concatenated(node: fx.Node, known: Known) -> Axes:
    """Lay axes one after the other, and tie all others."""
    operands: Sequence[fx.Node] = node.args[0]  # type: ignore[assignment]
    parts = [known.of(operand) for operand in operands]
    dim = int(node.args[1]) if len(node.args) > 1 else 0  # type: ignore[arg-type]
    position = dim % len(parts[0])
    for other in parts[1:]:
        for place, (a, b) in enumerate(zip(parts[0], other, strict=True)):
            if place != position and a.find() is not b.find():
                unify(a, b)
    joined = concat(tuple(part[position] for part in parts))
    return (*parts[0][:position], joined, *parts[0][position + 1 :])


def item(node: fx.Node, known: Known) -> Any:
    """Pick one of several values."""
    values = known.axes[node.args[0]]  # type: ignore[index]
    return values[node.args[1]]


def unchanged(node: fx.Node, known: Known) -> Axes:
    """Pass the axes on."""
    return known.of(node.args[0])


def size_of(node: fx.Node, known: Known) -> Axes:
    """Say nothing: a size is a number."""
    return ()


def _tie(first: Axes, second: Axes) -> None:
    for a, b in zip(first, second, strict=False):
        unify(a, b)


def _fix(axes: Sequence[Axis], reason: str) -> None:
    for axis in axes:
        axis.fix(reason)


def _spatial(node: fx.Node, count: int) -> Axes:
    return tuple(Axis(size, SPATIAL) for size in sizes(node)[-count:])


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
