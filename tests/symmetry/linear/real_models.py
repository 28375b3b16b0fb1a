"""Models of transformers and timm of one block, with the linear groups that a person counts.

The stream is 16 wide with 2 heads of 8, and an MLP of 24.  A count is ``(kind, size, count)`` of
each group, as often as it is there.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

Count = tuple[str, int, int]
STREAM, HEADS, SIZE, WORDS = 16, 2, 8, 23
MARKS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SMALL: dict[str, Any] = {
    **MARKS,
    "vocab_size": WORDS,
    "hidden_size": STREAM,
    "num_hidden_layers": 1,
    "num_attention_heads": HEADS,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}
GROUPED = SMALL | {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
GPT2 = {"n_embd": 16, "n_head": 2, "n_layer": 1, "n_positions": 12, "vocab_size": WORDS, **MARKS}
TOLD = ("qk_norm", "class_token", "reg_tokens", "tie_word_embeddings")
"""Settings that tell entries of one name apart."""
IMAGE = {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_labels": 3}


@dataclass(frozen=True)
class Real:
    """A model of a library.

    Attributes:
        name: of its class in transformers, or its name in timm.
        config: its settings.
        expected: how often there is a group of each kind, size and count.
        inputs: what it takes: ``ids``, ``images`` or ``pairs`` of ids.
        exact: whether it computes all in float64 when asked to.
    """

    name: str
    config: dict[str, Any]
    expected: Counter[Count] = field(default_factory=Counter)
    inputs: str = "ids"
    exact: bool = True

    @property
    def label(self) -> str:
        """What tests call it."""
        told = {key: value for key, value in self.config.items() if key in TOLD}
        return " ".join([self.name, *(f"{key}={value}" for key, value in told.items())])

    def build(self) -> nn.Module:
        """Return it, with random parameters none of which is 0 or 1."""
        kind = "timm" if self.name.islower() else "transformers"
        family = registry.load(MODELS, kind)
        text = {"config": json.dumps(self.config)}
        arguments: dict[str, Any] = self.config if kind == "timm" else text
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = family.build(f"{kind}:{self.name}", **arguments).double().eval()
        generator = torch.Generator().manual_seed(1)
        for parameter in module.parameters():
            parameter.requires_grad_(False)
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter += noise * 0.3
        return module

    def batch(self) -> tuple[Tensor, ...]:
        """Return 3 examples."""
        generator = torch.Generator().manual_seed(2)
        if self.inputs == "images":
            shape = (3, 1, self.config.get("img_size", 8), self.config.get("img_size", 8))
            return (torch.randn(shape, generator=generator, dtype=torch.float64),)
        ids = torch.randint(3, WORDS, (3, 9), generator=generator)
        return (ids, ids.flip(1)) if self.inputs == "pairs" else (ids,)


def many(*counts: tuple[Count, int]) -> Counter[Count]:
    """Return how often there is each."""
    return Counter(dict(counts))


STREAMS = ("orthogonal", STREAM, 1)
HEAD = ("invertible", SIZE, HEADS)
NEO = {"num_layers": 1, "num_heads": 2, "window_size": 4, "attention_types": [[["global"], 1]]}
REAL = [
    Real("GPT2LMHeadModel", GPT2, many((STREAMS, 1), (HEAD, 2))),
    Real("GPTNeoForCausalLM", SMALL | NEO, many((STREAMS, 1), (HEAD, 2)), exact=False),
]
