"""A small GPT-2 with a tied head, its examples, and two checkpoints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save_file

from lmctool.api import Dataset, Examples
from lmctool.model.tied import once
from tests.symmetry.linear.transformers import TOKENS, WORDS, Transformer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

MODEL = "tests.run.canonical_networks:gpt2"
DATA = "tests.run.canonical_networks:text"
COUNT = 40


def gpt2() -> nn.Module:
    """Return a GPT-2 whose head has the tensor of its embedding."""
    module = Transformer("gpt2")
    module.head.weight = module.embedding.weight  # type: ignore[assignment]
    return module


def text() -> Dataset:
    """Return token ids of noise."""
    return Dataset(
        {"train": lambda: _text(0), "test": lambda: _text(1)},
        "made for tests",
        WORDS,
        task="causal-lm",
    )


def _text(seed: int) -> Examples:
    tokens = np.random.default_rng(seed).integers(WORDS, size=(COUNT, TOKENS))
    return Examples(tokens, tokens)


def pair(folder: Path) -> tuple[Path, Path]:
    """Write two networks, none of whose tensors is as it was begun."""
    paths = tuple(folder / f"{name}.safetensors" for name in "ab")
    for seed, path in enumerate(paths):
        generator = torch.Generator().manual_seed(seed)
        module = gpt2()
        for tensor in module.parameters():
            tensor.data += torch.randn(tensor.shape, generator=generator) / 2
        save_file(once(module.state_dict(), module), path)
    first, second = paths
    return first, second
