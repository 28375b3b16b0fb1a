"""Models for the tests of symmetry, with parameters that make a proof mean something."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

Build = Callable[..., nn.Module]


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter and statistic a value of its own; zeros would prove anything."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif tensor.is_floating_point():
            fan = max(1, tensor[0].numel()) if tensor.ndim > 1 else 4
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / fan) ** 0.5)
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def build() -> Build:
    """Build a registered model with random parameters."""

    def build_randomised(word: str, **arguments: object) -> nn.Module:
        family = registry.load(MODELS, word)
        return randomise(family.build(word, **arguments))

    return build_randomised
