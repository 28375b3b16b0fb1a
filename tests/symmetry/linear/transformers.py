"""Small transformers: a GPT-2, a ViT and a Llama."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, rms_norm, scaled_dot_product_attention, silu

WIDTH, HEADS, SIZE, HIDDEN, TOKENS, WORDS, CLASSES = 8, 2, 4, 12, 5, 11, 3
SHARED = 2
"""Queries that share a key and value in a Llama."""


class Gain(nn.Module):
    """LayerNorm, or RMSNorm, whose gain may be added to 1."""

    def __init__(self, *, rms: bool, offset: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))
        self.bias = None if rms else nn.Parameter(torch.zeros(WIDTH))
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        if self.bias is None:
            y: Tensor = rms_norm(x, (WIDTH,), self.weight + self.offset, 1e-5)
        else:
            y = layer_norm(x, (WIDTH,), self.weight, self.bias)
        return y


class Block(nn.Module):
    """Attention and an MLP behind norms: of GPT-2 with queries, keys and values packed."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        llama = kind == "llama"
        self.kind = kind
        self.norm1, self.norm2 = (Gain(rms=llama, offset=float(llama)) for _ in range(2))
        queries = HEADS * SIZE * (SHARED if llama else 1)
        if kind == "gpt2":
            self.qkv = nn.Linear(WIDTH, 3 * HEADS * SIZE)
        else:
            self.q = nn.Linear(WIDTH, queries, bias=not llama)
            self.k = nn.Linear(WIDTH, HEADS * SIZE, bias=not llama)
            self.v = nn.Linear(WIDTH, HEADS * SIZE, bias=not llama)
        self.o = nn.Linear(queries, WIDTH, bias=not llama)
        if llama:
            self.gate = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.up = nn.Linear(WIDTH, HIDDEN, bias=not llama)
        self.down = nn.Linear(HIDDEN, WIDTH, bias=not llama)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        packed = self.qkv(y).chunk(3, -1) if self.kind == "gpt2" else None
        q, k, v = (
            each.unflatten(-1, (-1, SIZE)).transpose(1, 2)
            for each in packed or (self.q(y), self.k(y), self.v(y))
        )
        if self.kind == "llama":
            q, k = turned(q), turned(k)
            k, v = (each.repeat_interleave(SHARED, 1) for each in (k, v))
        seen = scaled_dot_product_attention(q, k, v, is_causal=self.kind != "vit")
        x = x + self.o(seen.transpose(1, 2).flatten(2))
        y = self.norm2(x)
        hidden = silu(self.gate(y)) * self.up(y) if self.kind == "llama" else gelu(self.up(y))
        x = x + self.down(hidden)
        return x


def turned(x: Tensor) -> Tensor:
    """Return (example, head, token, unit) under rotary position encodings: i with i + SIZE / 2."""
    angle = torch.arange(x.shape[2], dtype=x.dtype)[:, None] * torch.tensor([1.0, 0.3])
    first, second = x.chunk(2, -1)
    return torch.cat(
        [first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()], -1
    )


class Transformer(nn.Module):
    """Two blocks between an embedding and a head that reads a last norm."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        if kind == "vit":
            self.embedding: nn.Module = nn.Linear(6, WIDTH)
            self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        else:
            self.embedding = nn.Embedding(WORDS, WIDTH)
        if kind != "llama":
            self.position = nn.Parameter(torch.zeros(1, TOKENS, WIDTH))
        self.blocks = nn.ModuleList(Block(kind) for _ in range(2))
        self.norm = Gain(rms=kind == "llama", offset=float(kind == "llama"))
        self.head = nn.Linear(WIDTH, CLASSES if kind == "vit" else WORDS, bias=kind == "vit")

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        if self.kind == "vit":
            x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        if self.kind != "llama":
            x = x + self.position
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        logits: Tensor = self.head(x[:, 0] if self.kind == "vit" else x)
        return logits
