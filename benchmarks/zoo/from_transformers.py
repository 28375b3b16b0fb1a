"""Models of transformers, small and with random weights.

A count by hand is the stream, and for each block its heads, the units of a head that queries
share with keys and those that values share with the projection, and its hidden units.
"""

from __future__ import annotations

import json
from typing import Any

from torch import Tensor, nn

from benchmarks.zoo.entry import Entry, Inputs, sequences, tokens
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

STREAM, HEADS, BLOCKS, HIDDEN, WORDS = 48, 4, 2, 80, 50
SIZE, EXPERTS = STREAM // HEADS, 3
PLAIN = STREAM + BLOCKS * (HEADS + 2 * SIZE + HIDDEN)
# rotary positions leave the units of queries and keys in place; 2 heads of keys are read by 2 of
# queries each
ROTARY = STREAM + BLOCKS * (2 + 2 + SIZE + HIDDEN)
SMALL = {
    "vocab_size": WORDS,
    "hidden_size": STREAM,
    "num_hidden_layers": BLOCKS,
    "num_attention_heads": HEADS,
    "intermediate_size": HIDDEN,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GROUPED = SMALL | {"num_key_value_heads": 2, "head_dim": SIZE}
PICTURE = {"image_size": 32, "patch_size": 8}
DIMENSIONS = {
    "vocab_size": WORDS,
    "d_model": STREAM,
    "encoder_layers": BLOCKS,
    "decoder_layers": BLOCKS,
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS,
    "encoder_ffn_dim": HIDDEN,
    "decoder_ffn_dim": HIDDEN,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}


class Twice(nn.Module):
    """An encoder and a decoder that read the same."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap a model of two inputs."""
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.model(x, x)
        return logits


def entry(
    name: str,
    model: str,
    config: dict[str, Any],
    units: int | None = None,
    inputs: Inputs | None = None,
    both: bool = False,
) -> Entry:
    """Return a model by the name of its class."""

    def build() -> nn.Module:
        family = registry.load(MODELS, "transformers")
        network = family.build(f"transformers:{model}", config=json.dumps(config))
        return Twice(network) if both else network

    return Entry(name, "transformers", build, inputs or tokens(vocabulary=WORDS), units)


PIXELS = sequences(3, 32, 32)
MARKS = {"bos_token_id": 1, "eos_token_id": 2}
GPT2 = {"vocab_size": WORDS, "n_embd": STREAM, "n_layer": BLOCKS, "n_head": HEADS, **MARKS}
ENTRIES = (
    entry("GPT-2", "GPT2LMHeadModel", {**GPT2, "n_inner": HIDDEN, "n_positions": 32}, PLAIN),
    entry("GPT-NeoX", "GPTNeoXForCausalLM", SMALL),
    entry(
        "OPT", "OPTForCausalLM", SMALL | {"ffn_dim": HIDDEN, "word_embed_proj_dim": STREAM}, PLAIN
    ),
    entry("BLOOM", "BloomForCausalLM", {**SMALL, "n_layer": BLOCKS, "n_head": HEADS}),
    entry("Falcon", "FalconForCausalLM", SMALL | {"ffn_hidden_size": HIDDEN}),
    # the output of its encoder's pooled token; the pooled units are free as well
    entry("BERT", "BertForSequenceClassification", SMALL, PLAIN + STREAM),
    entry("RoBERTa", "RobertaForSequenceClassification", SMALL, PLAIN + STREAM),
    entry("ELECTRA", "ElectraForSequenceClassification", SMALL | {"embedding_size": 24}),
    entry("ALBERT", "AlbertForSequenceClassification", SMALL | {"embedding_size": 24}),
    entry(
        "DistilBERT",
        "DistilBertForSequenceClassification",
        {"vocab_size": WORDS, "dim": STREAM, "n_layers": BLOCKS, "n_heads": HEADS}
        | {"hidden_dim": HIDDEN, "pad_token_id": 0},
        PLAIN + STREAM,
    ),
    entry("DeBERTa-v2", "DebertaV2ForSequenceClassification", SMALL),
    entry(
        "T5",
        "T5ForConditionalGeneration",
        {"vocab_size": WORDS, "d_model": STREAM, "d_kv": SIZE, "d_ff": HIDDEN}
        | {"num_layers": BLOCKS, "num_heads": HEADS, "decoder_start_token_id": 0},
        both=True,
    ),
    entry("BART", "BartForConditionalGeneration", DIMENSIONS, both=True),
    entry("Llama", "LlamaForCausalLM", GROUPED, ROTARY),
    entry("Mistral", "MistralForCausalLM", GROUPED, ROTARY),
    entry("Qwen2", "Qwen2ForCausalLM", GROUPED, ROTARY),
    entry("Qwen3", "Qwen3ForCausalLM", GROUPED, ROTARY),
    entry("Gemma", "GemmaForCausalLM", GROUPED, ROTARY),
    entry("Gemma 2", "Gemma2ForCausalLM", GROUPED, ROTARY),
    entry("Phi", "PhiForCausalLM", GROUPED),
    entry(
        "Mixtral",
        "MixtralForCausalLM",
        GROUPED | {"num_local_experts": EXPERTS, "num_experts_per_tok": 2},
        ROTARY + BLOCKS * EXPERTS,
    ),
    entry(
        "Mamba",
        "MambaForCausalLM",
        {"vocab_size": WORDS, "hidden_size": STREAM, "num_hidden_layers": BLOCKS}
        | {"state_size": 5, "expand": 2, "conv_kernel": 3, "time_step_rank": 6},
    ),
    # its stream is what it puts out
    entry("CLIP text", "CLIPTextModel", SMALL, PLAIN - STREAM),
    entry("CLIP vision", "CLIPVisionModel", SMALL | PICTURE, inputs=PIXELS),
    entry("DINOv2", "Dinov2Model", SMALL | PICTURE, inputs=PIXELS),
    entry(
        "Whisper encoder",
        "WhisperForAudioClassification",
        DIMENSIONS | {"num_mel_bins": 8, "max_source_positions": 16, "classifier_proj_size": 20},
        inputs=sequences(8, 32),
    ),
)
