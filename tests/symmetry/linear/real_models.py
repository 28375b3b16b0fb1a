"""Models of transformers and timm of one block, with the linear groups that a person counts.

The stream is 16 wide with 2 heads of 8, or 4 heads of 4 that share 2 of keys, and an MLP of 24.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lmctool.model.untied import untie
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

Count = tuple[str, int, int]
WORDS = 23
MARKS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SMALL: dict[str, Any] = {
    **MARKS,
    "vocab_size": WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}
GROUPED = SMALL | {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
EXPERTS = GROUPED | {"num_experts_per_tok": 2}
GPT2 = {"n_embd": 16, "n_head": 2, "n_layer": 1, "n_positions": 12, "vocab_size": WORDS, **MARKS}
T5 = {"vocab_size": WORDS, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2}
DISTIL = {"vocab_size": WORDS, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 24}
BART = {
    f"{side}_{name}": count
    for side in ("encoder", "decoder")
    for name, count in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 24))
}
VIT = SMALL | {"image_size": 8, "patch_size": 4, "num_channels": 1, "num_labels": 3}
TIMM = {"img_size": 8, "patch_size": 4, "in_chans": 1, "num_classes": 3, "embed_dim": 16}
BLOCK = TIMM | {"depth": 1, "num_heads": 2}
SWIN = TIMM | {"img_size": 16, "patch_size": 2, "embed_dim": 8, "depths": (2, 1)}

STREAM: Count = ("orthogonal", 16, 1)
HEADS: Count = ("invertible", 8, 2)
VALUES: Count = ("invertible", 4, 2)
TURNS: Count = ("rotation", 4, 2)


@dataclass(frozen=True, eq=False)
class Real:
    """A model of a library.

    Attributes:
        name: of its class in transformers, or its name in timm.
        config: its settings.
        groups: kind, size and count of each of its linear groups, but for scales.
        inputs: what it takes: ``ids``, ``images`` or ``pairs`` of ids.
        dtype: the narrowest arithmetic in it.
        often: whether the fast tests try it, too.
    """

    name: str
    config: dict[str, Any]
    groups: tuple[Count, ...]
    inputs: str = "ids"
    dtype: torch.dtype = torch.float64
    often: bool = False

    @property
    def label(self) -> str:
        """What tests call it."""
        usual = {*SMALL, *GROUPED, *EXPERTS, *GPT2, *T5, *DISTIL, *BART, *VIT, *SWIN, *BLOCK}
        told = [f"{key}={value}" for key, value in self.config.items() if key not in usual]
        return "-".join([self.name, *told])

    @property
    def is_routed(self) -> bool:
        """Whether experts are multiplied in a way that has no float64 form."""
        return "num_experts_per_tok" in self.config

    def build(self) -> nn.Module:
        """Return it without ties, with random parameters none of which is 0 or 1."""
        kind = "timm" if self.name.islower() else "transformers"
        family = registry.load(MODELS, kind)
        text = {"config": json.dumps(self.config)}
        arguments: dict[str, Any] = self.config if kind == "timm" else text
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module: nn.Module = family.build(f"{kind}:{self.name}", **arguments)
        generator = torch.Generator().manual_seed(1)
        for parameter in module.double().eval().requires_grad_(False).parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(noise * 0.3)
        untie(module)
        return module.float() if self.is_routed else module

    def batch(self) -> tuple[Tensor, ...]:
        """Return 3 examples."""
        generator = torch.Generator().manual_seed(2)
        if self.inputs == "images":
            size = self.config.get("img_size", 8)
            images: Tensor = torch.randn((3, 1, size, size), generator=generator)
            return (images.double(),)
        ids = torch.randint(3, WORDS, (3, 9), generator=generator)
        return (ids, ids.flip(1)) if self.inputs == "pairs" else (ids,)


SINGLE = torch.float32
PLAIN = (STREAM, HEADS, HEADS)
ROTARY = (STREAM, TURNS, VALUES)
REAL = [
    Real("GPT2LMHeadModel", GPT2, PLAIN, often=True),
    Real(
        "GPTNeoForCausalLM",
        SMALL | {"num_layers": 1, "num_heads": 2, "attention_types": [[["global"], 1]]},
        PLAIN,
        dtype=SINGLE,
    ),
    Real("OPTForCausalLM", SMALL | {"ffn_dim": 24, "word_embed_proj_dim": 16}, PLAIN),
    # a quarter of each head is turned by positions
    Real("GPTNeoXForCausalLM", SMALL, (STREAM, ("rotation", 2, 2), ("invertible", 6, 2), HEADS)),
    Real("LlamaForCausalLM", GROUPED, ROTARY, dtype=SINGLE, often=True),
    Real("LlamaForCausalLM", GROUPED | {"tie_word_embeddings": True}, ROTARY, dtype=SINGLE),
    Real("MistralForCausalLM", GROUPED, ROTARY, dtype=SINGLE),
    Real("Qwen2ForCausalLM", GROUPED, ROTARY, dtype=SINGLE),
    # gains of queries and keys before positions turn them
    Real("Qwen3ForCausalLM", GROUPED, (STREAM, VALUES), dtype=SINGLE, often=True),
    Real("GemmaForCausalLM", GROUPED, ROTARY, dtype=SINGLE),  # gains counted from 1
    Real("PhiForCausalLM", GROUPED, (STREAM, ("rotation", 2, 2), ("invertible", 2, 2), VALUES)),
    # a norm behind each sum, whose gain the next sum adds
    Real("BertForSequenceClassification", SMALL, (HEADS, HEADS), often=True),
    Real("RobertaForSequenceClassification", SMALL, (HEADS, HEADS)),
    Real(
        "DistilBertForSequenceClassification",
        DISTIL | {"pad_token_id": 0, "max_position_embeddings": 12},
        (HEADS, HEADS),
    ),
    # the decoder's last norm is multiplied by a number before the head reads it
    Real(
        "T5ForConditionalGeneration",
        T5 | {"decoder_start_token_id": 0, **MARKS},
        (STREAM, *(HEADS,) * 6),
        inputs="pairs",
        dtype=SINGLE,
    ),
    Real(
        "BartForConditionalGeneration",
        {
            **BART,
            **MARKS,
            "vocab_size": WORDS,
            "d_model": 16,
            "max_position_embeddings": 12,
            "decoder_start_token_id": 2,
        },
        (HEADS,) * 6,
        inputs="pairs",
    ),
    # what multiplies experts has no rule for larger groups of the stream
    Real("MixtralForCausalLM", EXPERTS | {"num_local_experts": 3}, (TURNS, VALUES), dtype=SINGLE),
    Real("OlmoeForCausalLM", EXPERTS | {"num_experts": 3}, (VALUES,), dtype=SINGLE),
    Real("GptOssForCausalLM", EXPERTS | {"num_local_experts": 3}, (TURNS, VALUES), dtype=SINGLE),
    Real("ViTForImageClassification", VIT, PLAIN, inputs="images"),
    Real("vit_tiny_patch16_224", BLOCK, PLAIN, inputs="images", often=True),
    Real("vit_tiny_patch16_224", BLOCK | {"qk_norm": True}, (STREAM, HEADS), inputs="images"),
    # a parameter scales what each branch adds to the stream
    Real("vit_tiny_patch16_224", BLOCK | {"init_values": 0.5}, (HEADS, HEADS), inputs="images"),
    Real(
        "vit_tiny_patch16_224",
        BLOCK | {"class_token": False, "global_pool": "avg"},
        PLAIN,
        inputs="images",
    ),
    Real("vit_tiny_patch16_224", BLOCK | {"reg_tokens": 2}, PLAIN, inputs="images"),
    Real("deit_tiny_distilled_patch16_224", BLOCK, PLAIN, inputs="images"),
    Real(
        "swin_tiny_patch4_window7_224",
        SWIN | {"num_heads": (2, 2), "window_size": 2},
        (*(VALUES,) * 4, HEADS, HEADS),
        inputs="images",
    ),
]
