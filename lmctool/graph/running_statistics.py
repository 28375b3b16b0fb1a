"""Normalisation by statistics of evaluation mode, with gradients of all that it is computed from.

Torch has none of the running statistics, which training never asks for; whoever learns where on a
path a network should lie, or in which order its units, does.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from lmctool.graph.operations import BATCH_NORM, BATCH_UPDATE, aten, name_of

if TYPE_CHECKING:
    from torch import Tensor

NORMS = BATCH_NORM | {"instance_norm"}
PYTHON = (functional.batch_norm, functional.instance_norm)
BUILT_IN = {
    torch.batch_norm: aten.batch_norm.default,
    torch.instance_norm: aten.instance_norm.default,
}
"""Functions that don't say what their arguments are called, with operations that do."""


class DifferentiableStatistics(TorchFunctionMode):
    """Computes batch norms in evaluation mode in plain operations, where gradients are enabled.

    The others, which normalise by the batch, and all else are computed as they are.

    Attributes:
        of_batch: whether batch norms normalise by the batch in place of the running statistics,
            with gradients or without.
    """

    def __init__(self, *, of_batch: bool = False) -> None:
        """Take which statistics are meant."""
        super().__init__()
        self.of_batch = of_batch

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch."""
        kwargs = kwargs or {}
        if not (torch.is_grad_enabled() or self.of_batch):
            return func(*args, **kwargs)
        called = BUILT_IN.get(func, func)
        norm = isinstance(called, torch._ops.OpOverload) and name_of(called) in NORMS
        if not norm and called not in PYTHON:
            return func(*args, **kwargs)
        given = dict(zip(_names(called), args, strict=False)) | kwargs
        updates = name_of(called) in BATCH_UPDATE
        trains = given.get("training", given.get("use_input_stats", updates))
        if trains or given.get("running_mean") is None:
            return func(*args, **kwargs)
        value = given["input"]
        mean, variance = given["running_mean"], given["running_var"]
        if self.of_batch and "instance" not in name_of(called):
            rest = (0, *range(2, value.ndim))
            mean, variance = value.mean(rest), value.var(rest, correction=0)
        value = _normalised(
            value,
            mean,
            variance,
            given.get("weight"),
            given.get("bias"),
            float(given.get("eps", given.get("epsilon", 1e-5))),
        )
        others = len(called._schema.returns) - 1 if norm else 0
        return (value, *(value.new_empty(0) for _ in range(others))) if others else value


@cache
def _names(func: Any) -> tuple[str, ...]:
    """Return the names of a function's arguments."""
    if hasattr(func, "_schema"):
        return tuple(each.name for each in func._schema.arguments)
    return tuple(inspect.signature(func).parameters)


def _normalised(
    value: Tensor,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    epsilon: float,
) -> Tensor:
    """Return a value, (example, channel, ...), with its channels normalised."""
    scale = (variance + epsilon).rsqrt()
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    channels = (-1, *[1] * (value.ndim - 2))
    return (value * scale.view(channels) + shift.view(channels)).to(value.dtype)
