"""Small networks with residual blocks, spelled in the ways that people spell them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Wrap = Callable[[Tensor], Tensor]


class PermutedNorm(nn.Module):
    """LayerNorm over the channels of images: the channels go to the end and back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return out


class LayerNormResNet(nn.Module):
    """A stem, two residual blocks of convolutions and permuted LayerNorms, a head."""

    def __init__(self, channels: int = 1, width: int = 6, classes: int = 10) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(channels, width, 3, padding=1), PermutedNorm(width)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(PermutedNorm(width) for _ in range(2))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(norm(conv(x)) + x)
        out: Tensor = self.head(x.mean((2, 3)))
        return out


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, LayerNorm and linear layers on the last axis, and a layer scale."""

    def __init__(self, width: int, around: Wrap) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.scale = nn.Parameter(torch.full((width, 1, 1), 0.1))
        self.around = around

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.depthwise(x).movedim(1, -1))
        h = self.down(functional.gelu(self.up(h))).movedim(-1, 1)
        return x + self.around(self.scale * h)


class ConvNeXt(nn.Module):
    """A strided stem with a permuted LayerNorm, and a block for each thing around its branch."""

    def __init__(self, *around: Wrap) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 6, 2, 2), PermutedNorm(6)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(6, each) for each in around))
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.blocks(self.norm(self.stem(x))).mean((2, 3)))
        return out


class Attention(nn.Module):
    """Self-attention of two heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        q, k, v = self.qkv(x).view(count, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        out: Tensor = self.out(mixed.reshape(count, length, width))
        return out


def written_gelu(x: Tensor) -> Tensor:
    """GELU as transformers writes it for GPT-2."""
    inner = (2 / torch.pi) ** 0.5 * (x + 0.044715 * x.pow(3))
    return 0.5 * x * (1 + torch.tanh(inner))


class TransformerLayer(nn.Module):
    """Attention and a hidden layer, each behind a LayerNorm and added to the stream."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.attention = Attention(width)
        self.up, self.down = nn.Linear(width, 9), nn.Linear(9, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norms[0](x)))
        out: Tensor = x + self.dropout(self.down(written_gelu(self.up(self.norms[1](x)))))
        return out


class VisionTransformer(nn.Module):
    """Patches behind a class token, with position embeddings, through two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.zeros(1, 1, 8))
        self.positions = nn.Parameter(torch.randn(1, 5, 8))
        self.layers = nn.Sequential(*(TransformerLayer(8) for _ in range(2)))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), patches], 1) + self.positions
        out: Tensor = self.head(self.layers(x)[:, 0])
        return out


class LanguageModel(nn.Module):
    """Embeddings of tokens, of their positions and of their kinds, through two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.kinds, self.places = (nn.Embedding(n, 8) for n in (11, 2, 7))
        self.layers = nn.Sequential(*(TransformerLayer(8) for _ in range(2)))
        self.head = nn.Linear(8, 11, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        places = (ids > 0).cumsum(1)
        x = self.tokens(ids) + self.kinds(ids % 2) + self.places(places)
        out: Tensor = self.head(self.layers(x))
        return out


class Mixer(nn.Module):
    """Linear layers over the patches, then over the channels: the stream's stay its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.over_patches = nn.Conv2d(3, 8, 4, 4), nn.Linear(4, 4)
        self.over_channels, self.head = nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + torch.relu(self.over_patches(x.transpose(1, 2))).transpose(1, 2)
        x = x + torch.relu(self.over_channels(x))
        out: Tensor = self.head(x.mean(1))
        return out


class PaddedShortcut(nn.Module):
    """A block that halves the resolution, beside every second position and zeros as channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, 2, 1)
        self.norm, self.head = PermutedNorm(8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = self.norm(self.conv(x)) + functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        out: Tensor = self.head(x.mean((2, 3)))
        return out


class NoBlocks(nn.Module):
    """Additions that end no residual block: of positions, a bias, formulas, examples, towers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 8), nn.Linear(3, 8), nn.Linear(8, 2)
        self.direct, self.wide = nn.Linear(6, 6), nn.Linear(6, 4)
        self.gamma, self.beta = nn.Parameter(torch.ones(8)), nn.Parameter(torch.zeros(8))
        self.places = nn.Embedding(5, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(-1, 2, 6) + self.direct(x.reshape(-1, 2, 6))  # added to the examples
        small = self.second(x[..., :3].mean(1, keepdim=True))
        h = self.first(x) + small  # another shape
        h = h + self.places(torch.arange(2).expand(len(h), 2))
        h = written_gelu(h + self.beta)
        h = h + self.gamma * (h / (h.norm(dim=1, keepdim=True) + 1))  # global response norm
        h = torch.relu(h) + 0.25 * (h - h.abs()) * self.gamma  # a leaky ReLU that is learnt
        out: Tensor = self.head(h.mean(1))
        return out
