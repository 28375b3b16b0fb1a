"""How models of transformers are made for the zoo: small, from a config, with random weights.

A count by hand is the stream, and for each block its heads, the units of a head that queries
share with keys and those that values share with the projection, and its hidden units.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from benchmarks.zoo.entry import Entry, Inputs, tokens
from benchmarks.zoo.weights import randomise
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.library import import_library

if TYPE_CHECKING:
    from pathlib import Path

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


def twice(inputs: Inputs) -> Inputs:
    """Return what makes the same batch for an encoder and for a decoder."""

    def make(examples: int) -> tuple[Tensor, ...]:
        batch = inputs(examples)
        return (batch, batch) if isinstance(batch, Tensor) else batch * 2

    return make


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
        return family.build(f"transformers:{model}", config=json.dumps(config))

    def written(folder: Path, batch: tuple[Tensor, ...]) -> Tensor:
        transformers = import_library("transformers", model)
        kind: Any = getattr(transformers, model)
        made: Any = randomise(kind(kind.config_class(**config)))
        made.save_pretrained(folder)
        network = kind.from_pretrained(folder).eval()
        names = (str(network.main_input_name), "decoder_input_ids")
        outputs = network(**dict(zip(names, batch, strict=False)))
        answer: Tensor = outputs.get("logits", outputs[0])
        return answer

    batches = inputs or tokens(vocabulary=WORDS)
    batches = twice(batches) if both else batches
    return Entry(name, "transformers", build, batches, units, written)
