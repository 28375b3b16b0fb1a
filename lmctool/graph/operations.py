"""Which ATen operations do what: the few families that lmctool tells apart.

One layer of a model has a name for each level that it is met at, and below autograd one for each
device that runs it: ``batch_norm`` is ``native_batch_norm`` there, and ``cudnn_batch_norm`` on a
GPU.  A family has all of them; what they are given is read by the names in their schemas, for the
positions differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

if TYPE_CHECKING:
    from collections.abc import Mapping

aten = torch.ops.aten

VIEWS = frozenset({aten.view.default, aten._unsafe_view.default})
"""Written into a graph for reshapes of what was contiguous when the model was followed."""
LINEAR = frozenset({"linear", "addmm", "mkldnn_linear"})
TRANSPOSED_CONVOLUTION = frozenset(
    {
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("cudnn_convolution_transpose", "miopen_convolution_transpose"),
    }
)
CONVOLUTION = TRANSPOSED_CONVOLUTION | {
    *("conv1d", "conv2d", "conv3d", "convolution", "_convolution", "convolution_overrideable"),
    *("cudnn_convolution", "mkldnn_convolution", "miopen_convolution"),
    "miopen_depthwise_convolution",
}
BATCH_UPDATE = frozenset({"_batch_norm_with_update", "_batch_norm_with_update_functional"})
BATCH_NORM = BATCH_UPDATE | {
    *("batch_norm", "_batch_norm_impl_index", "_batch_norm_no_update"),
    *("native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm"),
    *("_native_batch_norm_legit", "_native_batch_norm_legit_no_training"),
    "_native_batch_norm_legit_functional",
}
LAYER_NORM = frozenset({"layer_norm", "native_layer_norm"})
RMS_NORM = frozenset({"rms_norm", "_fused_rms_norm"})
GROUP_NORM = frozenset({"group_norm", "native_group_norm"})
ATTENTION = frozenset(
    {
        *("scaled_dot_product_attention", "_scaled_dot_product_attention_math"),
        *("_scaled_dot_product_attention_math_for_mps", "_scaled_dot_product_flash_attention"),
        *("_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"),
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_fused_attention_overrideable",
    }
)
NONLINEAR = frozenset(
    {
        aten.relu.default,
        aten.relu6.default,
        aten.leaky_relu.default,
        aten.prelu.default,
        aten.elu.default,
        aten.selu.default,
        aten.celu.default,
        aten.gelu.default,
        aten.silu.default,
        aten.mish.default,
        aten.hardtanh.default,
        aten.hardswish.default,
        aten.hardsigmoid.default,
        aten.sigmoid.default,
        aten.tanh.default,
        aten.softplus.default,
    }
)

POINTWISE = frozenset(
    {
        *("true_divide", "divide", "floor_divide", "multiply", "subtract", "rsub", "negative"),
        *("absolute", "fix", "arctan", "log_sigmoid", "special_expit", "special_erf"),
        *("special_log1p", "greater", "less", "greater_equal", "less_equal", "not_equal"),
        *("isclose", "masked_fill", "__and__", "__or__"),
    }
)
"""Pointwise operations that torch doesn't tag as such, in any of their overloads."""
CHOICES = frozenset({aten.where.ScalarOther, aten.where.ScalarSelf, aten.where.Scalar})


@dataclass(frozen=True, slots=True)
class BatchNormCall:
    """What a batch norm is given.

    Attributes:
        mean: the running mean; None where it keeps none.
        variance: the running variance, or None.
        epsilon: what is added to the variance.
        trains: whether it normalises by the batch, and not by what it keeps.
        weight: what multiplies the normalised value; None for nothing.
        bias: what is added then; None for nothing.
    """

    mean: fx.Node | None
    variance: fx.Node | None
    epsilon: float
    trains: bool
    weight: fx.Node | None
    bias: fx.Node | None


@dataclass(frozen=True, slots=True)
class AttentionCall:
    """What scaled dot product attention is given: (..., head, position, unit) each.

    Attributes:
        mask: what is added to the scores, or says which of them count; None for nothing.
        causal: whether a position sees none of those behind it.
    """

    query: fx.Node
    key: fx.Node
    value: fx.Node
    mask: fx.Node | None
    causal: bool


def arguments(node: fx.Node) -> dict[str, Any]:
    """Return what an operation is given, by the names in its schema, defaults too.

    Raises:
        AttributeError: the operation has no schema.
    """
    schema = node.target._schema.arguments  # type: ignore[union-attr]
    given = {each.name: each.default_value for each in schema if each.has_default_value()}
    names = (each.name for each in schema)
    return given | dict(zip(names, node.args, strict=False)) | node.kwargs


def batch_norm(node: fx.Node) -> BatchNormCall | None:
    """Return what a batch norm is given, however it is called; None for another operation."""
    name = operation(node)
    if name not in BATCH_NORM:
        return None
    given = arguments(node)
    return BatchNormCall(
        mean=given.get("running_mean"),
        variance=given.get("running_var"),
        epsilon=float(given.get("eps", given.get("epsilon"))),  # type: ignore[arg-type]
        trains=bool(given.get("training", name in BATCH_UPDATE)),
        weight=given.get("weight"),
        bias=given.get("bias"),
    )


def attention(node: fx.Node) -> AttentionCall:
    """Return what an operation of the family ``ATTENTION`` is given."""
    given = arguments(node)
    return AttentionCall(
        query=given["query"],
        key=given["key"],
        value=given["value"],
        mask=given.get("attn_mask", given.get("attn_bias")),
        causal=bool(given["is_causal"]),
    )


def is_pointwise(node: fx.Node) -> bool:
    """Tell whether a node's operation treats every element alike, apart from broadcasting."""
    if node.target is aten.prelu.default:
        return False  # its slopes lie along the channels, whatever follows them
    tags = getattr(node.target, "tags", ())
    if torch.Tag.nondeterministic_seeded in tags and arguments(node).get("training") is not False:
        return False  # each element meets a random number of its own
    return (
        torch.Tag.pointwise in tags
        or node.target in NONLINEAR
        or node.target in CHOICES
        or operation(node) in POINTWISE
    )


def draws(target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether an operation that is given these arguments draws random numbers."""
    if torch.Tag.nondeterministic_seeded not in target.tags:
        return False
    names = (each.name for each in target._schema.arguments)
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    unused = given.get("dropout_p", 0.0) == 0 if name_of(target) in ATTENTION else False
    return not unused and given.get("training", given.get("train")) is not False


def groups(node: fx.Node) -> int:
    """Return the number of groups of a convolution node."""
    return int(arguments(node)["groups"])


def norm_groups(node: fx.Node) -> int:
    """Return the number of groups of a group normalisation node."""
    given = arguments(node)
    return int(given["num_groups"] if "num_groups" in given else given["group"])


def is_transposed(node: fx.Node) -> bool:
    """Tell whether a convolution node is a transposed one, whose weight is (in, out, kernel)."""
    return bool(arguments(node).get("transposed", operation(node) in TRANSPOSED_CONVOLUTION))


def operation(node: fx.Node) -> str:
    """Return the name of a node's operation, without its overload.

    That of another library than ATen's bears the library's name, for it may be called as one of
    ATen's and do anything else.
    """
    return name_of(node.target)


def same_operation(first: Any, second: Any) -> bool:
    """Tell whether two operations do the same, also where a device has several ways to do it.

    Which of them it takes can depend on the size of a batch and on the dtype.
    """
    names = {name_of(first), name_of(second)}
    return first is second or names <= ATTENTION or names <= BATCH_NORM


def name_of(target: Any) -> str:
    """Return the name of an operation; see ``operation``."""
    packet = getattr(target, "overloadpacket", target)
    name = str(getattr(packet, "__name__", packet))
    library = getattr(target, "namespace", "aten")
    return name if library == "aten" else f"{library}::{name}"


def callee(target: Any) -> Any:
    """Return what to call for an operation, so that its arguments may lie in any layout."""
    return aten.reshape.default if target in VIEWS else target
