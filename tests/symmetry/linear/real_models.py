"""Models of transformers and timm of one or two blocks, with the linear groups that a person counts.

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
T5 = {"vocab_size": WORDS, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2}
VIT = SMALL | IMAGE
TIMM = {"img_size": 8, "patch_size": 4, "in_chans": 1, "num_classes": 3, "embed_dim": 16,
        "depth": 1, "num_heads": 2}  # fmt: skip
REAL = [
    Real("GPT2LMHeadModel", GPT2),
    Real(
        "GPTNeoForCausalLM",
        SMALL
        | {"num_layers": 1, "num_heads": 2, "window_size": 4, "attention_types": [[["global"], 1]]},
    ),
    Real("OPTForCausalLM", SMALL | {"ffn_dim": 24, "word_embed_proj_dim": 16}),
    Real("GPTNeoXForCausalLM", SMALL),
    Real("LlamaForCausalLM", GROUPED, exact=False),
    Real("LlamaForCausalLM", GROUPED | {"tie_word_embeddings": True}, exact=False),
    Real("MistralForCausalLM", GROUPED, exact=False),
    Real("Qwen2ForCausalLM", GROUPED, exact=False),
    Real("Qwen3ForCausalLM", GROUPED, exact=False),
    Real("GemmaForCausalLM", GROUPED, exact=False),
    Real("PhiForCausalLM", GROUPED),
    Real("BertForSequenceClassification", SMALL),
    Real("RobertaForSequenceClassification", SMALL),
    Real(
        "DistilBertForSequenceClassification",
        {
            "vocab_size": WORDS,
            "dim": 16,
            "n_layers": 1,
            "n_heads": 2,
            "hidden_dim": 24,
            "pad_token_id": 0,
            "max_position_embeddings": 12,
        },
    ),
    Real(
        "T5ForConditionalGeneration",
        T5 | {"decoder_start_token_id": 0, **MARKS},
        inputs="pairs",
        exact=False,
    ),
    Real(
        "MixtralForCausalLM",
        GROUPED | {"num_local_experts": 3, "num_experts_per_tok": 2},
        exact=False,
    ),
    Real(
        "Qwen3MoeForCausalLM",
        GROUPED | {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 10},
        exact=False,
    ),
    Real("OlmoeForCausalLM", GROUPED | {"num_experts": 3, "num_experts_per_tok": 2}, exact=False),
    Real(
        "GptOssForCausalLM",
        GROUPED | {"num_local_experts": 3, "num_experts_per_tok": 2},
        exact=False,
    ),
    Real(
        "BartForConditionalGeneration",
        {
            "vocab_size": WORDS,
            "d_model": 16,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 24,
            "decoder_ffn_dim": 24,
            "max_position_embeddings": 12,
            **MARKS,
            "decoder_start_token_id": 2,
        },
        inputs="pairs",
    ),
    Real("ViTForImageClassification", VIT, inputs="images"),
    Real("vit_tiny_patch16_224", TIMM, inputs="images"),
    Real("vit_tiny_patch16_224", TIMM | {"qk_norm": True}, inputs="images"),
    Real(
        "vit_tiny_patch16_224",
        TIMM | {"class_token": False, "global_pool": "avg", "init_values": 0.5},
        inputs="images",
    ),
    Real("vit_tiny_patch16_224", TIMM | {"reg_tokens": 2}, inputs="images"),
    Real("deit_tiny_distilled_patch16_224", TIMM, inputs="images"),
    Real(
        "mixer_s32_224",
        {
            "img_size": 8,
            "patch_size": 4,
            "in_chans": 1,
            "num_classes": 3,
            "embed_dim": 16,
            "num_blocks": 1,
        },
        inputs="images",
    ),
    Real(
        "swin_tiny_patch4_window7_224",
        {
            "img_size": 16,
            "patch_size": 2,
            "in_chans": 1,
            "num_classes": 3,
            "embed_dim": 8,
            "depths": (2, 1),
            "num_heads": (2, 2),
            "window_size": 2,
        },
        inputs="images",
    ),
    Real(
        "convnext_atto",
        {"in_chans": 1, "num_classes": 3, "depths": (1, 1), "dims": (8, 16)},
        inputs="images",
    ),
]
