"""Vision transformer, with the tensors that timm writes of its VisionTransformer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from lmctool.errors import LmctoolError
from lmctool.plugin.hookspecs import hookimpl
from lmctool.plugin.kinds import ModelFamily
from lmctool_plugins.models.transformer import depth as blocks_in
from lmctool_plugins.models.transformer import head_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.plugin.kinds import Argument

EPSILON = 1e-6  # of every LayerNorm
STD = 0.02  # of initial weights


class Patches(nn.Module):
    """A convolution whose stride is its kernel: one vector a patch."""

    def __init__(self, channels: int, patch: int, width: int) -> None:
        """Build it."""
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, patch, unit) of (example, channel, size, size) images."""
        patches: Tensor = self.proj(x)
        return patches.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Self-attention with queries, keys and values packed into one projection."""

    def __init__(self, width: int, heads: int) -> None:
        """Build it."""
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each position gathers from all."""
        packed = self.qkv(x).unflatten(2, (3, self.heads, -1))
        q, k, v = (part.transpose(1, 2) for part in packed.unbind(2))
        gathered = scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(gathered.transpose(1, 2).flatten(2))
        return out


class Perceptron(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        """Build it."""
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, position, unit) of the same."""
        out: Tensor = self.fc2(gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Attention and perceptron, each behind a LayerNorm and beside the residual stream."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        """Build it."""
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Perceptron(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Return the residual stream after the block."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class ViT(nn.Module):
    """Patches, a class token, learnt positions, blocks (Dosovitskiy et al. 2021)."""

    def __init__(
        self, size: int, patch: int, channels: int, width: int, classes: int, blocks: list[Block]
    ) -> None:
        """Build it around the blocks; the classifier starts at zero."""
        super().__init__()
        self.size = size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + (size // patch) ** 2, width) * STD)
        self.patch_embed = Patches(channels, patch, width)
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.head = nn.Linear(width, classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=STD)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, class) logits of (example, channel, size, size) images.

        Raises:
            LmctoolError: the images are of another size.
        """
        if x.shape[2:] != (self.size, self.size):
            raise LmctoolError(
                f"model 'vit' takes images of {self.size} x {self.size} pixels, not of"
                f" {' x '.join(map(str, x.shape[2:]))}"
            )
        patches = self.patch_embed(x)
        first = self.cls_token.expand(patches.shape[0], -1, -1)
        x = torch.cat([first, patches], dim=1) + self.pos_embed
        logits: Tensor = self.head(self.norm(self.blocks(x))[:, 0])
        return logits


def build(
    spec: str,
    *,
    heads: int,
    size: int = 28,
    patch: int = 4,
    channels: int = 1,
    width: int = 64,
    depth: int = 6,
    hidden: int = 0,
    classes: int = 10,
) -> nn.Module:
    """Return a vision transformer for images of ``size`` pixels in its initial state.

    ``hidden`` 0 stands for four times ``width``.
    """
    head_size(spec, width, heads, "heads")
    if patch < 1 or size % patch:
        raise LmctoolError(f"model {spec!r} cannot cut {size} pixels into patches of {patch}")
    blocks = [Block(width, heads, hidden or 4 * width) for _ in range(depth)]
    return ViT(size, patch, channels, width, classes, blocks)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read all but the number of heads, which leaves no trace in the shapes."""
    patches, positions = shapes.get("patch_embed.proj.weight", ()), shapes.get("pos_embed", ())
    inner, head = shapes.get("blocks.0.mlp.fc1.weight", ()), shapes.get("head.weight", ())
    if (len(patches), len(positions), len(inner), len(head)) != (4, 3, 2, 2):
        return None
    return {
        "size": math.isqrt(max(0, positions[1] - 1)) * patches[2],
        "patch": patches[2],
        "channels": patches[1],
        "width": patches[0],
        "depth": blocks_in(shapes, "blocks"),
        "hidden": inner[0],
        "classes": head[0],
    }


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model vit``."""
    words = "heads size patch channels width depth hidden classes"
    return ModelFamily(build, read, frozenset(words.split()))
