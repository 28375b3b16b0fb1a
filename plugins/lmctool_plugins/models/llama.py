"""Llama, with the tensors that Hugging Face writes of a LlamaForCausalLM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from lmctool.errors import LmctoolError
from lmctool.plugin.hookspecs import hookimpl
from lmctool.plugin.kinds import ModelFamily
from lmctool_plugins.models.transformer import Vocabulary, depth, head_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.plugin.kinds import Argument

STD = 0.02  # of initial weights (initializer_range in config.json)


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a block, in the words of config.json."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    attention_bias: bool
    mlp_bias: bool


def turned(x: Tensor, theta: float) -> Tensor:
    """Turn pairs of units by an angle that grows with the position (RoPE, arXiv:2104.09864).

    Args:
        x: (example, head, position, unit) queries or keys; unit i is paired with i + units / 2.
        theta: pair i turns by theta^(-2i / units) a position.
    """
    length, units = x.shape[2:]
    dtype = torch.promote_types(x.dtype, torch.float32)  # half precision can't hold the angles
    pairs = torch.arange(0, units, 2, device=x.device, dtype=dtype)
    positions = torch.arange(length, device=x.device, dtype=dtype)
    angles = positions[:, None] * theta ** (-pairs / units)
    cos, sin = (wave.repeat(1, 2).to(x.dtype) for wave in (angles.cos(), angles.sin()))
    first, second = x.chunk(2, dim=3)
    return x * cos + torch.cat([-second, first], dim=3) * sin


class Attention(nn.Module):
    """Causal self-attention in which groups of query heads share a head of keys and values."""

    def __init__(self, sizes: Sizes) -> None:
        """Build it."""
        super().__init__()
        self.heads, self.shared = sizes.num_attention_heads, sizes.num_key_value_heads
        self.theta = sizes.rope_theta
        queries, keys = self.heads * sizes.head_dim, self.shared * sizes.head_dim
        bias = sizes.attention_bias
        self.q_proj = nn.Linear(sizes.hidden_size, queries, bias=bias)
        self.k_proj = nn.Linear(sizes.hidden_size, keys, bias=bias)
        self.v_proj = nn.Linear(sizes.hidden_size, keys, bias=bias)
        self.o_proj = nn.Linear(queries, sizes.hidden_size, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each position gathers from itself and those before it."""
        q = turned(self.q_proj(x).unflatten(2, (self.heads, -1)).transpose(1, 2), self.theta)
        k = turned(self.k_proj(x).unflatten(2, (self.shared, -1)).transpose(1, 2), self.theta)
        v = self.v_proj(x).unflatten(2, (self.shared, -1)).transpose(1, 2)
        k, v = (self._repeated(part) for part in (k, v))
        gathered = scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.o_proj(gathered.transpose(1, 2).flatten(2))
        return out

    def _repeated(self, x: Tensor) -> Tensor:
        """Return each head as often as it has query heads, one after the other."""
        times = self.heads // self.shared
        if times == 1:
            return x
        return x[:, :, None].expand(-1, -1, times, -1, -1).flatten(1, 2)


class Perceptron(nn.Module):
    """A gated perceptron: SwiGLU (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, width: int, hidden: int, bias: bool) -> None:
        """Build it."""
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden, bias=bias)
        self.up_proj = nn.Linear(width, hidden, bias=bias)
        self.down_proj = nn.Linear(hidden, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, position, unit) of the same."""
        out: Tensor = self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    """Attention and perceptron, each behind an RMSNorm and beside the residual stream."""

    def __init__(self, sizes: Sizes) -> None:
        """Build it."""
        super().__init__()
        width = sizes.hidden_size
        self.input_layernorm = nn.RMSNorm(width, eps=sizes.rms_norm_eps)
        self.self_attn = Attention(sizes)
        self.post_attention_layernorm = nn.RMSNorm(width, eps=sizes.rms_norm_eps)
        self.mlp = Perceptron(width, sizes.intermediate_size, sizes.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the residual stream after the block."""
        x = x + self.self_attn(self.input_layernorm(x))
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Trunk(nn.Module):
    """The embedding of tokens, the blocks, and the last RMSNorm."""

    def __init__(self, vocabulary: int, layers: int, sizes: Sizes) -> None:
        """Build it."""
        super().__init__()
        self.embed_tokens = Vocabulary(vocabulary, sizes.hidden_size)
        self.layers = nn.ModuleList(Block(sizes) for _ in range(layers))
        self.norm = nn.RMSNorm(sizes.hidden_size, eps=sizes.rms_norm_eps)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (example, position, unit) of (example, position) token ids."""
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.norm(x)
        return out


class Llama(nn.Module):
    """A causal language model (Touvron et al. 2023, arXiv:2302.13971 and arXiv:2307.09288)."""

    def __init__(self, trunk: Trunk, tied: bool) -> None:
        """Put a head on the trunk; ``tied`` makes its weight the embedding of tokens."""
        super().__init__()
        self.model = trunk
        vocabulary, width = trunk.embed_tokens.weight.shape
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.lm_head.weight = trunk.embed_tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=STD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (example, position, token) logits of (example, position) int64 token ids."""
        logits: Tensor = self.lm_head(self.model(ids))
        return logits


def build(
    spec: str,
    *,
    num_attention_heads: int,
    num_key_value_heads: int = 0,
    vocab_size: int = 256,
    hidden_size: int = 64,
    intermediate_size: int = 176,
    num_hidden_layers: int = 4,
    head_dim: int = 0,
    rms_norm_eps: float = 1e-6,
    rope_theta: float = 10_000.0,
    attention_bias: bool = False,
    mlp_bias: bool = False,
    tie_word_embeddings: bool = False,
) -> nn.Module:
    """Return a Llama in its initial state; the words are those of its config.json.

    ``num_key_value_heads`` 0 stands for as many as there are query heads, ``head_dim`` 0 for
    ``hidden_size`` shared among them.
    """
    shared = num_key_value_heads or num_attention_heads
    head_size(spec, num_attention_heads, shared, "num_key_value_heads", "query heads")
    if not head_dim:
        head_dim = head_size(spec, hidden_size, num_attention_heads, "num_attention_heads")
    if head_dim % 2:
        raise LmctoolError(f"model {spec!r} turns pairs of units, but head_dim is {head_dim}")
    sizes = Sizes(
        hidden_size, intermediate_size, num_attention_heads, shared, head_dim,
        rms_norm_eps, rope_theta, attention_bias, mlp_bias,
    )  # fmt: skip
    return Llama(Trunk(vocab_size, num_hidden_layers, sizes), tie_word_embeddings)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read all but the numbers of heads, the angle of RoPE and the epsilon of RMSNorm.

    A file with a head beside the embedding has it untied; a tied head is not stored twice.
    """
    tokens = shapes.get("model.embed_tokens.weight", ())
    inner = shapes.get("model.layers.0.mlp.gate_proj.weight", ())
    if len(tokens) != 2 or len(inner) != 2:
        return None
    return {
        "vocab_size": tokens[0],
        "hidden_size": tokens[1],
        "intermediate_size": inner[0],
        "num_hidden_layers": depth(shapes, "model.layers"),
        "attention_bias": "model.layers.0.self_attn.o_proj.bias" in shapes,
        "mlp_bias": "model.layers.0.mlp.gate_proj.bias" in shapes,
        "tie_word_embeddings": "lm_head.weight" not in shapes,
    }


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model llama``."""
    sizes = {*Sizes.__dataclass_fields__, "num_hidden_layers", "vocab_size", "tie_word_embeddings"}
    return ModelFamily(build, read, frozenset(sizes))
