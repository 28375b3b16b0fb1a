"""Writing a scale and a shift of a target's channels into the model's own tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.graph.targets import Target


def fuse(
    weights: Mapping[str, Tensor], target: Target, scale: Tensor, shift: Tensor
) -> dict[str, Tensor]:
    """Return weights in which ``scale * value + shift`` takes the place of a target's value.

    A layer's weight takes the scale, whatever its groups, dilation or padding (each output
    channel is a row of the weight, or a column); its bias takes both.  A layer without a bias
    hands the shift to the BatchNorm that follows it, as a lower running mean.  What the model's
    tensors cannot hold becomes the entries ``@TAP.scale`` and ``@TAP.shift``, which evaluation
    applies.

    Args:
        weights: the model's tensors.
        target: where.
        scale: (channel,) factors.
        shift: (channel,) shifts, in the unit of the value.
    """
    fused = dict(weights)
    if not target.fusable:
        return fused | {f"@{target.tap}.scale": scale, f"@{target.tap}.shift": shift}
    weight = weights[target.weight]
    shape = [1] * weight.ndim
    shape[target.rows] = -1
    fused[target.weight] = weight * scale.to(weight.dtype).view(shape)
    if target.bias:
        bias = weights[target.bias]
        fused[target.bias] = (bias * scale + shift).to(bias.dtype)
    elif target.batchnorm:
        mean = weights[target.batchnorm.mean]
        fused[target.batchnorm.mean] = (mean - shift).to(mean.dtype)
    return fused
