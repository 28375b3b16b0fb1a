"""Weights of which none is idle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn


def randomise(module: nn.Module) -> nn.Module:
    """Give every parameter and statistic a value of its own; zeros would prove anything."""
    generator = torch.Generator().manual_seed(0)
    parameters = {id(tensor) for tensor in module.parameters()}
    with torch.no_grad():
        for name, tensor in module.state_dict(keep_vars=True).items():
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(noise.abs() / 2 + 0.5)
            elif name.endswith("running_mean") or (id(tensor) in parameters and tensor.ndim < 2):
                tensor.add_(0.3 * noise)
            elif id(tensor) in parameters:
                tensor.copy_(noise * max(1, tensor[0].numel()) ** -0.5)
    return module.eval().requires_grad_(False)
