"""Four small networks with data, of the kinds that plugins meet: what ``check_*`` runs them on.

An MLP, a BatchNorm ResNet, a vision transformer and a causal language model, each with what an
MLP alone does not have: running statistics, blocks that no bias can correct, attention heads whose
units lie within each other, tied tensors, tokens that do not count.  They are untrained.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lmctool.model.tied import once
from lmctool.plugin.data_records import Dataset, Examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

SIZE, CHANNELS, CLASSES, TOKENS, POSITIONS = 8, 3, 5, 11, 6
EXAMPLES = {"train": 40, "test": 24}
SCALE, MEAN, STD = 1 / 255, (0.5, 0.4, 0.6), (0.3, 0.2, 0.25)
IGNORED = -100


class Block(nn.Module):
    """Two convolutions with BatchNorms beside a shortcut, which is one where the width changes."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        """Make it."""
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut: nn.Module = nn.Identity()
        if before != width:
            convolution = nn.Conv2d(before, width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, width, ...)."""
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class ResNet(nn.Module):
    """A stem and two blocks."""

    def __init__(self, width: int = 6) -> None:
        """Make it."""
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, width, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(Block(width, width, 1), Block(width, 2 * width, 2))
        self.head = nn.Linear(2 * width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (example, class)."""
        inner = self.blocks(functional.relu(self.bn(self.conv(x))))
        logits: Tensor = self.head(inner.mean((2, 3)))
        return logits


class Layer(nn.Module):
    """Self-attention and an MLP, both on a residual stream, behind LayerNorms."""

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        """Make it."""
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, position, unit)."""
        x = x + self.attention(self.norm1(x))
        y: Tensor = x + self.down(functional.gelu(self.up(self.norm2(x))))
        return y

    def attention(self, x: Tensor) -> Tensor:
        """Return what each head found, put together again."""
        batch, positions, width = x.shape
        apart = self.qkv(x).view(batch, positions, 3, self.heads, width // self.heads)
        query, key, value = apart.permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        found: Tensor = self.out(seen.transpose(1, 2).reshape(batch, positions, width))
        return found


class VisionTransformer(nn.Module):
    """Patches, a class token and one layer."""

    def __init__(self, width: int = 8, patch: int = 4) -> None:
        """Make it."""
        super().__init__()
        self.patch = nn.Conv2d(CHANNELS, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, 1 + (SIZE // patch) ** 2, width))
        self.layer = Layer(width, heads=2, causal=False)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (example, class)."""
        patches = self.patch(x).flatten(2).transpose(1, 2)
        whole = torch.cat([self.token.expand(x.shape[0], -1, -1), patches], dim=1) + self.position
        logits: Tensor = self.head(self.norm(self.layer(whole))[:, 0])
        return logits


class LanguageModel(nn.Module):
    """Tokens, positions and one causal layer; the head is the embedding, tied."""

    def __init__(self, width: int = 8) -> None:
        """Make it."""
        super().__init__()
        self.embedding, self.position = nn.Embedding(TOKENS, width), nn.Embedding(POSITIONS, width)
        self.layer = Layer(width, heads=2, causal=True)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, TOKENS, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return logits, (example, position, token), with a bias added where there is one."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        stream = self.layer(self.embedding(tokens) + self.position(places))
        logits: Tensor = self.head(self.norm(stream))
        return logits if bias is None else logits + bias


def mlp() -> nn.Module:
    """Return an MLP with two hidden layers."""
    widths = (CHANNELS * SIZE**2, 8, 6, CLASSES)
    layers = [nn.Linear(*pair) for pair in pairwise(widths)]
    parts = [part for layer in layers for part in (layer, nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *parts[:-1])


def resnet() -> nn.Module:
    """Return a BatchNorm ResNet."""
    return ResNet()


def vit() -> nn.Module:
    """Return a vision transformer."""
    return VisionTransformer()


def causal_lm() -> nn.Module:
    """Return a causal language model."""
    return LanguageModel()


def images() -> Dataset:
    """Return images of noise, uint8, and a class of each."""
    return _dataset(_images, CLASSES, scale=SCALE, mean=MEAN, std=STD)


def text() -> Dataset:
    """Return token ids of noise with the token that follows each; the ends of some don't count."""
    return _dataset(_text, TOKENS, task="causal-lm")


def state(build: Callable[[], nn.Module], seed: int) -> dict[str, Tensor]:
    """Return the tensors of an untrained network, whose running statistics are as if it were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build()
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.3)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return once(module.state_dict(), module)


def _dataset(made: Callable[[str], Examples], classes: int, **described: Any) -> Dataset:
    splits = {split: partial(made, split) for split in EXAMPLES}
    return Dataset(splits, "made for tests", classes, **described)


def _images(split: str) -> Examples:
    generator = np.random.default_rng(list(EXAMPLES).index(split))
    shape = (EXAMPLES[split], CHANNELS, SIZE, SIZE)
    inputs = generator.integers(0, 256, shape, dtype=np.uint8)
    return Examples(inputs, np.arange(len(inputs)) % CLASSES)


def _text(split: str) -> Examples:
    generator = np.random.default_rng(list(EXAMPLES).index(split))
    ids = generator.integers(0, TOKENS, (EXAMPLES[split], POSITIONS + 1))
    targets = ids[:, 1:].copy()
    targets[::3, -2:] = IGNORED
    return Examples(ids[:, :-1], targets)
