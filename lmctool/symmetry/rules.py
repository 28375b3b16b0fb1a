"""What each operation says about the axes of its operands and of its value.

A rule takes a node and the axes known so far, unifies or fixes what the operation demands, and
returns the axes of the node's value.  An operation without a rule fixes all its operands: less
may move then, and the function is still kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lmctool.graph.operations import is_pointwise, operation
from lmctool.symmetry import contraction_rules, index_rules, layer_rules, part_rules, shape_rules
from lmctool.symmetry.axis import Axis
from lmctool.symmetry.axis_table import Axes, Known, Raw, Rule, fresh, shape, sizes
from lmctool.symmetry.layer_rules import pooling
from lmctool.symmetry.recurrent_rules import cell, recurrent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import fx

UNKNOWN = (IndexError, TypeError, ValueError, AttributeError, AssertionError, RecursionError)
"""What a rule raises on a form of its operation that it was not written for."""


def value_axes(node: fx.Node, known: Known) -> Any:
    """Return the axes of a node's value, relating those of its operands."""
    name = operation(node)
    rule = pointwise if is_pointwise(node) else RULES.get(name)
    if rule is None and name.startswith("upsample_"):
        rule = pooling(len(sizes(node)) - 2)
    if rule is None:
        return refused(node, known, f"operation {name} has no rule")
    try:
        axes = rule(node, known)
    except UNKNOWN:
        axes = None
    if axes is None or not _fits(axes, node):
        return refused(node, known, f"this form of operation {name} has no rule")
    return axes


def _fits(axes: Any, node: fx.Node) -> bool:
    """Tell whether axes have the sizes of a node's value; of several, those that are told of."""
    value = node.meta.get("val")
    if isinstance(axes, list):
        return isinstance(value, list | tuple) and all(
            not told or tuple(axis.size for axis in told) == shape(part)
            for told, part in zip(axes, value, strict=False)
        )
    return not isinstance(value, torch.Tensor) or tuple(a.size for a in axes) == shape(value)


def refused(node: fx.Node, known: Known, reason: str) -> Any:
    """Fix every operand of an operation."""
    reason += _where(node)
    for operand in node.all_input_nodes:
        found = known.axes.get(operand, ())
        for axes in found if isinstance(found, list) else [known.of(operand)]:
            for axis in axes:
                axis.fix(reason)
    return fresh(node, reason)


def _where(node: fx.Node) -> str:
    """Say which line of the model's source an operation comes from, as far as it is known."""
    trace = str(node.meta.get("stack_trace") or "").strip().splitlines()
    lines = [line.strip() for line in trace if line.strip().startswith("File ")]
    if not lines:
        return ""
    path, _, line = lines[-1].removeprefix('File "').partition('", line ')
    return f" ({path.rpartition('/')[2]}:{line.partition(',')[0]})"


def pointwise(node: fx.Node, known: Known) -> Raw:
    """Tie the axes of all operands under broadcasting."""
    size = sizes(node)
    operands = [operand for operand in node.all_input_nodes if known.raw(operand)]
    if len(operands) == 1 and len(known.raw(operands[0])) == len(size):
        return known.raw(operands[0])
    out = contraction_rules.broadcast([known.of(operand) for operand in operands])
    missing = size[: len(size) - len(out)]
    return (*(Axis(size, blank=True) for size in missing), *out)


def filled(node: fx.Node, known: Known) -> Any:
    """Make a value that is the same everywhere."""
    return fresh(node, blank=True)


def counted(node: fx.Node, known: Known) -> Any:
    """Make a value that depends on no operand but its size."""
    return fresh(node, "it counts positions")


def nothing(node: fx.Node, known: Known) -> Axes:
    """Say nothing: the value is a number, or there is none."""
    return ()


def masked(node: fx.Node, known: Known) -> Axes:
    """Keep a triangle of the last two axes."""
    x = known.of(node.args[0])
    for axis in x[-2:]:
        axis.fix("a triangle of it is kept")
    return x


def largest(node: fx.Node, known: Known) -> Any:
    """Reduce an axis to its greatest or least, and fix it where its place is asked for."""
    if shape_rules.asks_places(node) or operation(node) in ("argmax", "argmin"):
        for axis in known.of(node.args[0]):
            axis.fix("the place of its greatest unit is asked for")
    return shape_rules.reduction(node, known)


def _all(rule: Rule, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


RULES: Mapping[str, Rule] = {
    **_all(
        layer_rules.convolution,
        *("conv1d", "conv2d", "conv3d", "convolution"),
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    ),
    **_all(
        layer_rules.batch_norm,
        *("batch_norm", "_native_batch_norm_legit_no_training", "native_batch_norm"),
        *("_native_batch_norm_legit", "instance_norm", "cudnn_batch_norm"),
    ),
    **_all(layer_rules.layer_norm, "layer_norm", "native_layer_norm"),
    **_all(layer_rules.layer_norm, "rms_norm", "_fused_rms_norm"),
    **_all(layer_rules.group_norm, "group_norm", "native_group_norm"),
    **_all(layer_rules.weight_norm, "_weight_norm", "_weight_norm_interface"),
    **_all(pooling(1), "max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d"),
    **_all(pooling(2), "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"),
    **_all(pooling(2), "max_pool2d_with_indices", "_adaptive_avg_pool2d"),
    **_all(pooling(3), "max_pool3d", "avg_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d"),
    **_all(pooling(3), "max_pool3d_with_indices", "_adaptive_avg_pool3d"),
    **_all(layer_rules.sloped, "prelu"),
    **_all(pointwise, "_prelu_kernel"),
    **_all(layer_rules.unfolded, "im2col"),
    **_all(layer_rules.shuffled, "pixel_shuffle", "pixel_unshuffle"),
    **_all(contraction_rules.linear, "linear"),
    **_all(contraction_rules.matmul, "matmul", "mm", "bmm", "mv", "dot", "vdot"),
    **_all(contraction_rules.added_matmul, "addmm", "baddbmm", "addmv"),
    **_all(contraction_rules.grouped_matmul, "_grouped_mm", "grouped_mm_fallback"),
    **_all(contraction_rules.outer, "outer"),
    **_all(contraction_rules.bilinear, "bilinear"),
    **_all(contraction_rules.einsum, "einsum"),
    **_all(
        contraction_rules.attention,
        *("scaled_dot_product_attention", "_scaled_dot_product_attention_math"),
        "_scaled_dot_product_flash_attention_for_cpu",
    ),
    **_all(contraction_rules.distances, "cdist", "_cdist_forward"),
    **_all(recurrent(4, 2), "lstm"),
    **_all(recurrent(3, 1), "gru"),
    **_all(recurrent(1, 1), "rnn_tanh", "rnn_relu"),
    **_all(cell(4, 2), "lstm_cell"),
    **_all(cell(3, 1), "gru_cell"),
    **_all(cell(1, 1), "rnn_tanh_cell", "rnn_relu_cell"),
    **_all(shape_rules.normalised, "softmax", "_softmax", "log_softmax", "_log_softmax"),
    **_all(shape_rules.normalised, "_safe_softmax"),
    **_all(
        shape_rules.reduction,
        *("mean", "sum", "amax", "amin", "prod", "logsumexp", "any", "all", "norm"),
        *("var", "std", "var_mean", "std_mean", "linalg_vector_norm"),
    ),
    **_all(largest, "max", "min", "argmax", "argmin"),
    **_all(
        shape_rules.along,
        *("cumsum", "cumprod", "logcumsumexp", "flip", "roll", "sort", "topk"),
    ),
    **_all(
        shape_rules.view,
        *("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze"),
        *("_reshape_alias", "view_copy"),
    ),
    **_all(
        shape_rules.permuted,
        "permute",
        "transpose",
        "t",
        "mT",
        "numpy_T",
        "swapaxes",
        "transpose_",
        "t_",
    ),
    **_all(shape_rules.expanded, "expand", "expand_as", "broadcast_to"),
    **_all(shape_rules.tiled, "repeat", "tile"),
    **_all(shape_rules.interleaved, "repeat_interleave"),
    **_all(
        shape_rules.unchanged,
        *("clone", "contiguous", "dropout", "to", "_to_copy", "type_as", "alias", "detach"),
        *("lift_fresh_copy", "lift_fresh", "feature_dropout", "alpha_dropout", "native_dropout"),
    ),
    **_all(part_rules.sliced, "slice"),
    **_all(part_rules.parted, "split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split"),
    **_all(part_rules.selected, "select"),
    **_all(part_rules.unbound, "unbind"),
    **_all(part_rules.padded, "pad", "constant_pad_nd"),
    **_all(part_rules.concatenated, "cat"),
    **_all(part_rules.stacked, "stack"),
    **_all(part_rules.halved, "glu"),
    **_all(index_rules.scattered, "slice_scatter"),
    **_all(index_rules.overwritten, "select_scatter"),
    **_all(index_rules.indexed, "index", "index_select"),
    **_all(index_rules.embedded, "embedding"),
    **_all(shape_rules.copied, "copy"),
    **_all(masked, "tril", "triu"),
    **_all(
        filled,
        *("zeros", "ones", "full", "empty", "zeros_like", "ones_like", "full_like", "empty_like"),
        *("new_zeros", "new_ones", "new_full", "new_empty", "scalar_tensor"),
    ),
    **_all(counted, "arange", "linspace", "eye"),
    **_all(nothing, "sym_size", "_assert_tensor_metadata", "_local_scalar_dense", "item"),
}
