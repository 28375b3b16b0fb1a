"""What each operation says of the powers to which its operands and its value scale.

A rule takes the powers, the operation and the node whose value it tells of: the operation itself,
or what is picked from its several values.  It tells what positive scales pass; all of which it
says nothing has the power 0.
"""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import TYPE_CHECKING

from torch import Tensor, fx

from lmctool.graph.operations import (
    ATTENTION,
    BATCH_NORM,
    CONVOLUTION,
    GROUP_NORM,
    LAYER_NORM,
    RMS_NORM,
    arguments,
    operation,
)
from lmctool.symmetry.axis_table import sizes
from lmctool.symmetry.linear import scale_layers, scale_shapes
from lmctool.symmetry.linear.scale_relations import added, multiplied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.symmetry.linear.scale_powers import Number, Powers, Rule


def tell(powers: Powers, node: fx.Node) -> None:
    """Let the powers have what an operation of a graph says of them."""
    call = node.args[0] if node.target is operator.getitem else node
    assert isinstance(call, fx.Node)
    several = isinstance(node.meta.get("val"), list | tuple)
    if (call is node and several) or operation(call) in SILENT:
        return  # what is picked from several values tells
    rule = _rule(call, node)
    if rule is not None and isinstance(node.meta.get("val"), Tensor):
        rule(powers, call, node)
    powers.close([*call.all_input_nodes, node], operation(call))


def _rule(call: fx.Node, out: fx.Node) -> Rule | None:
    name = operation(call)
    if call is not out and name in PICKED:
        return PICKED[name]
    if call is not out and out.args[1] != 0:
        return None
    if name.startswith("upsample_"):
        return scale_shapes.pooled(len(sizes(out)) - 2)
    return RULES.get(name)


def homogeneous(degree: Number) -> Rule:
    """Return the rule of an operation f of one operand with f(s x) = s^degree f(x) for s > 0."""

    def rule(powers: Powers, call: fx.Node, out: fx.Node) -> None:
        if out.meta["val"].is_floating_point():
            multiplied(powers, out, (call.args[0], degree))

    return rule


def power(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Raise to a constant power."""
    exponent = call.args[1]
    if isinstance(exponent, int | float) and 2 * exponent % 1 == 0:
        multiplied(powers, out, (call.args[0], Fraction(exponent)))


def clamped(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Raise what is below 0 to 0, as ReLU does."""
    given = arguments(call)
    if given.get("min") == 0 and given.get("max") is None:
        multiplied(powers, out, (call.args[0], 1))


def product(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Multiply two values, or a value by a number."""
    multiplied(powers, out, *((operand, 1) for operand in call.args[:2]))


def quotient(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Divide a value by another, or by a number."""
    if arguments(call).get("rounding_mode") is None:
        multiplied(powers, out, *zip(call.args[:2], (1, -1), strict=True))


def total(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Add or compare values, all of which have the same power."""
    if all(isinstance(operand, fx.Node) or operand == 0 for operand in call.args[:2]):
        added(powers, out, call.args[:2])


def slope(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Multiply what is below 0 by a slope, which stays."""
    multiplied(powers, out, (call.args[0], 1))


def _all(rule: Rule, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


POOLINGS = (
    *("max_pool{}d", "max_pool{}d_with_indices", "adaptive_max_pool{}d", "avg_pool{}d"),
    *("adaptive_avg_pool{}d", "_adaptive_avg_pool{}d", "reflection_pad{}d", "replication_pad{}d"),
)
RULES: Mapping[str, Rule] = {
    **_all(
        homogeneous(1),
        *("relu", "leaky_relu", "abs", "neg", "negative", "positive", "dropout", "native_dropout"),
        *("feature_dropout", "clone", "contiguous", "to", "_to_copy", "type_as", "alias", "detach"),
        *("lift_fresh_copy", "lift_fresh", "expand", "expand_as", "broadcast_to"),
    ),
    **_all(homogeneous(2), "square"),
    **_all(homogeneous(Fraction(1, 2)), "sqrt"),
    **_all(homogeneous(Fraction(-1, 2)), "rsqrt"),
    **_all(homogeneous(-1), "reciprocal"),
    **_all(slope, "prelu", "_prelu_kernel"),
    **_all(power, "pow"),
    **_all(clamped, "clamp", "clamp_min"),
    **_all(product, "mul", "multiply"),
    **_all(quotient, "div", "divide", "true_divide"),
    **_all(total, "add", "sub", "subtract", "rsub", "maximum", "minimum"),
    **_all(scale_layers.linear, "linear", "mkldnn_linear"),
    **_all(scale_layers.matmul, "matmul", "mm", "bmm", "mv", "dot"),
    **_all(scale_layers.addmm, "addmm", "baddbmm"),
    **_all(scale_layers.einsum, "einsum"),
    **_all(scale_layers.scaled_dot_product, *ATTENTION),
    **_all(scale_layers.convolution, *CONVOLUTION),
    **_all(scale_layers.normalisation(1), *BATCH_NORM, *GROUP_NORM),
    **_all(scale_layers.normalisation(None), *LAYER_NORM, *RMS_NORM),
    **_all(scale_layers.embedding, "embedding"),
    **{name.format(n): scale_shapes.pooled(n) for n in (1, 2, 3) for name in POOLINGS},
    **_all(scale_shapes.reduction, "mean", "sum", "amax", "amin"),
    **_all(scale_shapes.view, "view", "reshape", "_unsafe_view", "_reshape_alias", "view_copy"),
    **_all(scale_shapes.view, "flatten", "unflatten", "unsqueeze", "squeeze"),
    **_all(scale_shapes.transposition, "permute", "transpose", "t", "mT", "numpy_T", "swapaxes"),
    **_all(scale_shapes.padding, "pad", "constant_pad_nd"),
    **_all(scale_shapes.slicing, "slice"),
    **_all(scale_shapes.selection, "select"),
    **_all(scale_shapes.concatenation, "cat"),
    **_all(scale_shapes.gating, "glu"),
}
SILENT = frozenset({"sym_size", "_assert_tensor_metadata"})
"""Operations that ask for no number of their operand."""
PICKED: Mapping[str, Rule] = {
    **_all(
        scale_shapes.splitting, "split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split"
    ),
    **_all(scale_shapes.selection, "unbind"),
}
"""Rules of operations whose several values are parts of their operand."""
