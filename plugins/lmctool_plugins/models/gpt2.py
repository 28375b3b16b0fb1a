"""GPT-2, with the tensors that Hugging Face writes of a GPT2LMHeadModel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention

from lmctool.errors import LmctoolError
from lmctool.plugin.hookspecs import hookimpl
from lmctool.plugin.kinds import ModelFamily
from lmctool_plugins.models.transformer import Vocabulary, depth, head_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.plugin.kinds import Argument

STD = 0.02  # of initial weights (Radford et al. 2019; initializer_range in config.json)


class Projection(nn.Module):
    """A linear layer whose weight is stored (in, out), as the first GPT-2 did."""

    def __init__(self, inputs: int, outputs: int, std: float = STD) -> None:
        """Build it with normal weights and no bias."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * std)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, position, out) of (example, position, in)."""
        return linear(x, self.weight.t(), self.bias)


class Attention(nn.Module):
    """Causal self-attention with queries, keys and values packed into one projection."""

    def __init__(self, width: int, heads: int, std: float) -> None:
        """Build it; ``std`` is that of the projection into the residual stream."""
        super().__init__()
        self.heads = heads
        self.c_attn = Projection(width, 3 * width)
        self.c_proj = Projection(width, width, std)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each position gathers from itself and those before it."""
        packed = self.c_attn(x).unflatten(2, (3, self.heads, -1))
        q, k, v = (part.transpose(1, 2) for part in packed.unbind(2))
        gathered = scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.c_proj(gathered.transpose(1, 2).flatten(2))
        return out


class Perceptron(nn.Module):
    """Two projections with the tanh form of GELU between them."""

    def __init__(self, width: int, hidden: int, std: float) -> None:
        """Build it; ``std`` is that of the projection into the residual stream."""
        super().__init__()
        self.c_fc = Projection(width, hidden)
        self.c_proj = Projection(hidden, width, std)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, position, unit) of the same."""
        out: Tensor = self.c_proj(gelu(self.c_fc(x), approximate="tanh"))
        return out


class Block(nn.Module):
    """Attention and perceptron, each behind a LayerNorm and beside the residual stream."""

    def __init__(self, width: int, heads: int, hidden: int, epsilon: float, std: float) -> None:
        """Build it."""
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=epsilon)
        self.attn = Attention(width, heads, std)
        self.ln_2 = nn.LayerNorm(width, eps=epsilon)
        self.mlp = Perceptron(width, hidden, std)

    def forward(self, x: Tensor) -> Tensor:
        """Return the residual stream after the block."""
        x = x + self.attn(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class Trunk(nn.Module):
    """Embeddings of tokens and positions, the blocks, and the last LayerNorm."""

    def __init__(
        self, vocabulary: int, positions: int, width: int, blocks: list[Block], epsilon: float
    ) -> None:
        """Build it around the blocks."""
        super().__init__()
        self.wte = Vocabulary(vocabulary, width)
        self.wpe = nn.Embedding(positions, width)
        self.h = nn.ModuleList(blocks)
        self.ln_f = nn.LayerNorm(width, eps=epsilon)
        for embedding in (self.wte, self.wpe):
            nn.init.normal_(embedding.weight, std=STD)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (example, position, unit) of (example, position) token ids.

        Raises:
            LmctoolError: the sequences are longer than the positions that were learnt.
        """
        length, known = ids.shape[1], self.wpe.num_embeddings
        if length > known:
            raise LmctoolError(
                f"model 'gpt2' knows {known} positions, but the sequences have {length}; pass data"
                f" of shorter ones, such as text:PATH?length={known}"
            )
        x = self.wte(ids) + self.wpe(torch.arange(length, device=ids.device))
        for block in self.h:
            x = block(x)
        out: Tensor = self.ln_f(x)
        return out


class GPT2(nn.Module):
    """A causal language model (Radford et al. 2019)."""

    def __init__(self, trunk: Trunk, tied: bool) -> None:
        """Put a head on the trunk; ``tied`` makes its weight the embedding of tokens."""
        super().__init__()
        self.transformer = trunk
        vocabulary, width = trunk.wte.weight.shape
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.lm_head.weight = trunk.wte.weight
        else:
            nn.init.normal_(self.lm_head.weight, std=STD)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (example, position, token) logits of (example, position) int64 token ids."""
        logits: Tensor = self.lm_head(self.transformer(ids))
        return logits


def build(
    spec: str,
    *,
    n_head: int,
    vocab_size: int = 256,
    n_positions: int = 128,
    n_embd: int = 64,
    n_layer: int = 4,
    n_inner: int = 0,
    layer_norm_epsilon: float = 1e-5,
    tie_word_embeddings: bool = True,
) -> nn.Module:
    """Return a GPT-2 in its initial state; the words are those of its config.json.

    Projections into the residual stream start smaller, by the root of their number.  ``n_inner``
    0 stands for four times ``n_embd``.
    """
    head_size(spec, n_embd, n_head, "n_head")
    std = STD / (2 * n_layer) ** 0.5 if n_layer else STD
    blocks = [
        Block(n_embd, n_head, n_inner or 4 * n_embd, layer_norm_epsilon, std)
        for _ in range(n_layer)
    ]
    trunk = Trunk(vocab_size, n_positions, n_embd, blocks, layer_norm_epsilon)
    return GPT2(trunk, tie_word_embeddings)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read all but the number of heads, which leaves no trace in the shapes.

    A file with a head beside the embedding has it untied; a tied head is not stored twice.
    """
    tokens = shapes.get("transformer.wte.weight", ())
    positions = shapes.get("transformer.wpe.weight", ())
    inner = shapes.get("transformer.h.0.mlp.c_fc.weight", ())
    if len(tokens) != 2 or len(positions) != 2 or len(inner) != 2:
        return None
    return {
        "vocab_size": tokens[0],
        "n_positions": positions[0],
        "n_embd": tokens[1],
        "n_layer": depth(shapes, "transformer.h"),
        "n_inner": inner[1],
        "tie_word_embeddings": "lm_head.weight" not in shapes,
    }


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model gpt2``."""
    arguments = "n_head vocab_size n_positions n_embd n_layer n_inner layer_norm_epsilon"
    return ModelFamily(build, read, frozenset({*arguments.split(), "tie_word_embeddings"}))
