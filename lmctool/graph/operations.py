"""Which ATen operations do what: the few classes that lmctool tells apart."""

from __future__ import annotations

import torch
from torch import fx

aten = torch.ops.aten

LINEAR = frozenset({aten.linear.default})
CONVOLUTION = frozenset(
    {
        aten.conv1d.default,
        aten.conv2d.default,
        aten.conv3d.default,
        aten.conv1d.padding,
        aten.conv2d.padding,
        aten.conv3d.padding,
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
    tags = getattr(node.target, "tags", ())
    return torch.Tag.pointwise in tags or node.target in NONLINEAR


def groups(node: fx.Node) -> int:
    """Return the number of groups of a convolution node."""
    value = node.args[6] if len(node.args) > 6 else node.kwargs.get("groups", 1)
    return int(value)  # type: ignore[arg-type]


def operand(node: fx.Node, position: int, name: str) -> fx.Node | None:
    """Return an operand of a node that may be given by position or by name, or be left out."""
    value = node.args[position] if len(node.args) > position else node.kwargs.get(name)
    return value if isinstance(value, fx.Node) else None
