"""Models of transformers, small and with random weights, each made to return one tensor.

A count by hand is the stream, and for each block its heads, the units of a head that queries
share with keys and those that values share with the projection, and its hidden units.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from benchmarks.zoo.entry import Entry, Inputs, sequences, tokens, without_kernels

STREAM, HEADS, BLOCKS, HIDDEN, WORDS = 48, 4, 2, 80, 50
SIZE = STREAM // HEADS
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


class OneTensor(nn.Module):
    """A model of transformers that takes one tensor and returns one."""

    def __init__(self, model: nn.Module, argument: str, output: str, both: bool) -> None:
        """Wrap a model: how it calls its input and its output, and whether a decoder reads too."""
        super().__init__()
        self.model, self.argument, self.output, self.both = model, argument, output, both

    def forward(self, x: Tensor) -> Tensor:
        """Return one output of the model."""
        arguments: dict[str, Any] = {self.argument: x}
        if self.both:
            arguments["decoder_input_ids"] = x
        value: Tensor = getattr(self.model(**arguments), self.output)
        return value


def entry(
    name: str,
    model: str,
    config: dict[str, Any],
    units: int | None = None,
    inputs: Inputs | None = None,
    argument: str = "input_ids",
    output: str = "logits",
    both: bool = False,
) -> Entry:
    """Return a model by the name of its class."""

    def build() -> nn.Module:
        without_kernels()
        import transformers

        kind: Any = getattr(transformers, model)
        settings = kind.config_class(**config)
        settings.use_cache = False
        return OneTensor(kind(settings), argument, output, both)

    return Entry(name, "transformers", build, inputs or tokens(vocabulary=WORDS), units)


HIDDEN_STATE: dict[str, Any] = {"output": "last_hidden_state"}
PIXELS: dict[str, Any] = {"inputs": sequences(3, 32, 32), "argument": "pixel_values"}
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
        GROUPED | {"num_local_experts": 3, "num_experts_per_tok": 2},
        ROTARY,
    ),
    entry(
        "Mamba",
        "MambaForCausalLM",
        {"vocab_size": WORDS, "hidden_size": STREAM, "num_hidden_layers": BLOCKS}
        | {"state_size": 5, "expand": 2, "conv_kernel": 3, "time_step_rank": 6},
    ),
    # its stream is what it puts out
    entry("CLIP text", "CLIPTextModel", SMALL, PLAIN - STREAM, **HIDDEN_STATE),
    entry("CLIP vision", "CLIPVisionModel", SMALL | PICTURE, **PIXELS, **HIDDEN_STATE),
    entry("DINOv2", "Dinov2Model", SMALL | PICTURE, **PIXELS, **HIDDEN_STATE),
    entry(
        "Whisper encoder",
        "WhisperForAudioClassification",
        DIMENSIONS | {"num_mel_bins": 8, "max_source_positions": 16, "classifier_proj_size": 20},
        inputs=sequences(8, 32),
        argument="input_features",
    ),
)
