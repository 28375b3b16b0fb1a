"""Which ATen operations do what: the few classes that lmctool tells apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

aten = torch.ops.aten

VIEWS = frozenset({aten.view.default, aten._unsafe_view.default})
"""Written into a graph for reshapes of what was contiguous when the model was followed."""
LINEAR = frozenset({aten.linear.default, aten.addmm.default})
CONVOLUTION = frozenset(
    {
        aten.conv1d.default,
        aten.conv2d.default,
        aten.conv3d.default,
        aten.conv1d.padding,
        aten.conv2d.padding,
        aten.conv3d.padding,
        aten.conv_transpose1d.default,
        aten.conv_transpose2d.input,
        aten.conv_transpose3d.input,
        aten.convolution.default,
    }
)
TRANSPOSED = frozenset(
    {
        aten.conv_transpose1d.default,
        aten.conv_transpose2d.input,
        aten.conv_transpose3d.input,
    }
)
BATCH_NORM = frozenset({aten._native_batch_norm_legit_no_training.default, aten.batch_norm.default})
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


def is_pointwise(node: fx.Node) -> bool:
    """Tell whether a node's operation treats every element alike, apart from broadcasting."""
    if node.target is aten.prelu.default:
        return False  # its slopes lie along the channels, whatever follows them
    tags = getattr(node.target, "tags", ())
    return torch.Tag.pointwise in tags or node.target in NONLINEAR


def groups(node: fx.Node) -> int:
    """Return the number of groups of a convolution node."""
    position = 8 if node.target is aten.convolution.default else 6
    value = node.args[position] if len(node.args) > position else node.kwargs.get("groups", 1)
    return int(value)  # type: ignore[arg-type]


def is_transposed(node: fx.Node) -> bool:
    """Tell whether a convolution node is a transposed one, whose weight is (in, out, kernel)."""
    if node.target is aten.convolution.default:
        return bool(node.args[6])
    return node.target in TRANSPOSED


def operation(node: fx.Node) -> str:
    """Return the name of a node's operation, without its overload."""
    packet = getattr(node.target, "overloadpacket", node.target)
    return str(getattr(packet, "__name__", packet))


def operand(node: fx.Node, position: int, name: str) -> fx.Node | None:
    """Return an operand of a node that may be given by position or by name, or be left out."""
    value = node.args[position] if len(node.args) > position else node.kwargs.get(name)
    return value if isinstance(value, fx.Node) else None


def callee(target: Any) -> Any:
    """Return what to call for an operation, so that its arguments may lie in any layout."""
    return aten.reshape.default if target in VIEWS else target
