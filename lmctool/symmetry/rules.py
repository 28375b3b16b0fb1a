"""What each operation says about the axes of its operands and of its value.

A rule takes a node and the table of axes so far, unifies or fixes what the operation demands, and
returns the axes of the node's value.  An operation without a rule fixes all its operands: less
may move then, and the function is still kept.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import torch

from lmctool.graph.operations import (
    ATTENTION,
    BATCH_NORM,
    CONVOLUTION,
    GROUP_NORM,
    LAYER_NORM,
    RMS_NORM,
    is_pointwise,
    operation,
)
from lmctool.symmetry import (
    contraction_rules,
    index_rules,
    layer_rules,
    part_rules,
    place_rules,
    pointwise_rules,
    shape_rules,
    view_rules,
)
from lmctool.symmetry.axis_table import (
    AxisTable,
    Raw,
    Rule,
    UnknownFormError,
    new_axes,
    shape,
    sizes,
)
from lmctool.symmetry.layer_rules import pooling, unpooling
from lmctool.symmetry.no_rule import unsupported
from lmctool.symmetry.pointwise_rules import equality, pointwise
from lmctool.symmetry.recurrent_rules import (
    cell,
    fused_cell,
    packed_layer,
    packed_layers,
    recurrent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import fx


def value_axes(node: fx.Node, table: AxisTable) -> Any:
    """Return the axes of a node's value, relating those of its operands."""
    name, rule = operation(node), _rule(node)
    if rule not in READ_PLACES and not place_rules.pass_on(node, table):
        for operand in node.all_input_nodes:
            table.fix_places(operand)
    if 0 in sizes(node):
        return new_axes(node, blank=True)  # a value without elements tells nothing of any unit
    if rule is None:
        return unsupported(node, table, f"operation {name} has no rule")
    try:
        axes = rule(node, table)
    except UnknownFormError:
        axes = None
    if axes is None or not _fits(axes, node):
        return unsupported(node, table, f"this form of operation {name} has no rule")
    return axes


def _rule(node: fx.Node) -> Rule | None:
    name = operation(node)
    if name in ("eq", "ne", "not_equal"):
        return equality
    if is_pointwise(node):
        return pointwise
    if name.startswith("upsample_"):
        return pooling(len(sizes(node)) - 2)
    return RULES.get(name)


def _fits(axes: Any, node: fx.Node) -> bool:
    """Tell whether axes have the sizes of a node's value; of several, those that are read."""
    value = node.meta.get("val")
    if not isinstance(value, list | tuple):
        return not isinstance(axes, list) and (
            not isinstance(value, torch.Tensor) or _have(axes, value)
        )
    return isinstance(axes, list) and all(
        _have(part_axes, part)
        for place, (part_axes, part) in enumerate(zip_longest(axes, value, fillvalue=()))
        if part_axes or shape_rules.is_read(node, place)
    )


def _have(axes: Raw, value: object) -> bool:
    return tuple(axis.size for axis in axes) == shape(value)


def _all(rule: Rule, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


RULES: Mapping[str, Rule] = {
    **_all(layer_rules.convolution, *CONVOLUTION),
    **_all(layer_rules.batch_norm, *BATCH_NORM, "instance_norm"),
    **_all(layer_rules.layer_norm, *LAYER_NORM, *RMS_NORM),
    **_all(layer_rules.group_norm, *GROUP_NORM),
    **_all(layer_rules.weight_norm, "_weight_norm", "_weight_norm_interface"),
    **_all(pooling(1), "max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d"),
    **_all(pooling(2), "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"),
    **_all(pooling(2), "max_pool2d_with_indices", "_adaptive_avg_pool2d"),
    **_all(pooling(3), "max_pool3d", "avg_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d"),
    **_all(pooling(3), "max_pool3d_with_indices", "_adaptive_avg_pool3d"),
    **_all(pooling(1), "max_pool1d_with_indices", "reflection_pad1d", "replication_pad1d"),
    **_all(pooling(2), "reflection_pad2d", "replication_pad2d"),
    **_all(pooling(3), "reflection_pad3d", "replication_pad3d"),
    **_all(unpooling(2), "max_unpool2d"),
    **_all(unpooling(3), "max_unpool3d"),
    **_all(layer_rules.prelu, "prelu"),
    **_all(pointwise, "_prelu_kernel"),
    **_all(layer_rules.unfolding, "im2col"),
    **_all(layer_rules.channel_shuffle, "channel_shuffle", "native_channel_shuffle"),
    **_all(layer_rules.pixel_shuffle, "pixel_shuffle", "pixel_unshuffle"),
    **_all(contraction_rules.linear, "linear", "mkldnn_linear"),
    **_all(contraction_rules.matmul, "matmul", "mm", "bmm", "mv", "dot", "vdot"),
    **_all(contraction_rules.addmm, "addmm", "_addmm_activation", "baddbmm", "addmv"),
    **_all(contraction_rules.outer, "outer"),
    **_all(contraction_rules.bilinear, "bilinear"),
    **_all(contraction_rules.einsum, "einsum"),
    **_all(contraction_rules.attention, *ATTENTION),
    **_all(contraction_rules.cdist, "cdist", "_cdist_forward"),
    **_all(contraction_rules.pairwise, "cosine_similarity", "pairwise_distance"),
    **_all(recurrent(4), "lstm"),
    **_all(recurrent(3), "gru"),
    **_all(recurrent(1), "rnn_tanh", "rnn_relu"),
    **_all(packed_layers, "_cudnn_rnn", "miopen_rnn"),
    **_all(packed_layer, "mkldnn_rnn_layer"),
    **_all(cell(4, 2), "lstm_cell"),
    **_all(cell(3, 1), "gru_cell"),
    **_all(cell(1, 1), "rnn_tanh_cell", "rnn_relu_cell"),
    **_all(fused_cell(4), "_thnn_fused_lstm_cell"),
    **_all(fused_cell(3), "_thnn_fused_gru_cell"),
    **_all(shape_rules.softmax, "softmax", "_softmax", "_safe_softmax"),
    **_all(shape_rules.softmax, "log_softmax", "_log_softmax"),
    **_all(
        shape_rules.reduction,
        *("mean", "sum", "amax", "amin", "prod", "logsumexp", "any", "all", "norm"),
        *("var", "std", "var_mean", "std_mean", "linalg_vector_norm"),
    ),
    **_all(shape_rules.ordered, "cumprod", "logcumsumexp", "flip", "roll"),
    **_all(place_rules.extremum, "max", "min", "argmax", "argmin"),
    **_all(place_rules.ranking, "sort", "topk"),
    **_all(place_rules.counting, "arange"),
    **_all(place_rules.histogram, *place_rules.COUNTS),
    **_all(place_rules.one_hot, "one_hot"),
    **_all(place_rules.running_sum, "cumsum"),
    **_all(place_rules.grouped_product, *place_rules.GROUPED),
    **_all(
        view_rules.view,
        *("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze"),
        *("_reshape_alias", "view_copy"),
    ),
    **_all(
        shape_rules.transposition,
        *("permute", "transpose", "t", "mT", "numpy_T", "swapaxes", "transpose_", "t_"),
    ),
    **_all(shape_rules.expansion, "expand", "expand_as", "broadcast_to"),
    **_all(shape_rules.tiling, "repeat", "tile"),
    **_all(shape_rules.repeat_interleave, "repeat_interleave"),
    **_all(
        shape_rules.identity,
        *("clone", "contiguous", "to", "_to_copy", "type_as", "alias", "detach"),
        *("lift_fresh_copy", "lift_fresh"),
    ),
    **_all(
        shape_rules.dropout,
        *("dropout", "native_dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
        *("rrelu", "rrelu_with_noise"),
    ),
    **_all(part_rules.slicing, "slice"),
    **_all(
        part_rules.splitting, "split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split"
    ),
    **_all(part_rules.selection, "select"),
    **_all(part_rules.unbinding, "unbind"),
    **_all(part_rules.padding, "pad", "constant_pad_nd"),
    **_all(part_rules.concatenation, "cat"),
    **_all(part_rules.stacking, "stack"),
    **_all(part_rules.gating, "glu"),
    **_all(index_rules.slice_scatter, "slice_scatter"),
    **_all(index_rules.select_scatter, "select_scatter"),
    **_all(index_rules.indexing, "index", "index_select"),
    **_all(index_rules.embedding, "embedding"),
    **_all(
        index_rules.embedding_bag,
        *("embedding_bag", "_embedding_bag", "_embedding_bag_forward_only"),
    ),
    **_all(index_rules.gathering, "gather"),
    **_all(index_rules.scattering, "scatter", "scatter_add", "scatter_reduce"),
    **_all(index_rules.index_add, "index_add", "index_copy"),
    **_all(index_rules.index_put, "index_put"),
    **_all(shape_rules.copy, "copy"),
    **_all(pointwise_rules.triangle, "tril", "triu"),
    **_all(
        pointwise_rules.constant,
        *("zeros", "ones", "full", "empty", "zeros_like", "ones_like", "full_like", "empty_like"),
        *("new_zeros", "new_ones", "new_full", "new_empty", "scalar_tensor"),
    ),
    **_all(pointwise_rules.positions, "linspace", "eye"),
    **_all(
        pointwise_rules.no_axes,
        "sym_size",
        "_assert_tensor_metadata",
        "_local_scalar_dense",
        "item",
    ),
    **_all(pointwise_rules.no_axes, "_fused_sdp_choice"),  # it chooses by shapes
}
READ_PLACES = frozenset(
    {
        *(equality, place_rules.ranking, place_rules.extremum, place_rules.histogram),
        *(place_rules.one_hot, index_rules.indexing, index_rules.embedding),
        *(index_rules.gathering, index_rules.scattering, index_rules.index_add),
        index_rules.index_put,
    }
)
"""Rules that know of operands whose numbers are places on an axis; any other fixes that axis."""
