"""What the config.json of a Hugging Face model says, in the words of the built-in families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from lmctool.plugin.kinds import Argument


@dataclass(frozen=True, slots=True)
class Kind:
    """A ``model_type`` that a built-in family of the same word computes.

    Attributes:
        architecture: the class whose tensors the family has.
        taken: numbers and truths that are the family's arguments, if they are there.
        fixed: what the family can't do otherwise, with its value where config.json says nothing.
        tied: whether the head is the embedding where config.json says nothing.
    """

    architecture: str
    taken: tuple[str, ...]
    fixed: Mapping[str, Any]
    tied: bool


KINDS = {
    "gpt2": Kind(
        "GPT2LMHeadModel",
        (
            "n_head", "vocab_size", "n_positions", "n_embd", "n_layer", "n_inner",
            "layer_norm_epsilon",
        ),
        {
            "activation_function": "gelu_new",
            "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False,
            "add_cross_attention": False,
        },
        True,
    ),
    "llama": Kind(
        "LlamaForCausalLM",
        (
            "num_attention_heads", "num_key_value_heads", "vocab_size", "hidden_size",
            "intermediate_size", "num_hidden_layers", "head_dim", "rms_norm_eps", "rope_theta",
            "attention_bias", "mlp_bias",
        ),
        {"hidden_act": "silu"},
        False,
    ),
}  # fmt: skip


def translated(config: Mapping[str, Any]) -> tuple[str, dict[str, Argument]] | None:
    """Return the family's word and arguments, or None where no built-in family is meant.

    A tied head is left to the tensors to tell: files hold it once or twice.

    Raises:
        LmctoolError: config.json asks for what the family does not compute.
    """
    word = config.get("model_type")
    kind = KINDS.get(word) if isinstance(word, str) else None
    if word is None or kind is None:
        return None
    named = config.get("architectures") or [kind.architecture]
    if named != [kind.architecture]:
        raise _unable(word, "architectures", named)
    for name, value in kind.fixed.items():
        if config.get(name, value) != value:
            raise _unable(word, name, config[name])
    said = {**config, **_rope(word, config)}
    found: dict[str, Argument] = {
        name: said[name] for name in kind.taken if isinstance(said.get(name), int | float)
    }
    if not config.get("tie_word_embeddings", kind.tied):
        found["tie_word_embeddings"] = False
    return word, found


def _rope(word: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the angle of RoPE, wherever the version that wrote config.json has put it."""
    found = {}
    for table in ("rope_scaling", "rope_parameters"):
        held = config.get(table)
        if not isinstance(held, Mapping):
            continue
        if held.get("rope_type", held.get("type", "default")) != "default":
            raise _unable(word, table, dict(held))
        if "rope_theta" in held:
            found["rope_theta"] = held["rope_theta"]
    return found


def _unable(word: str, name: str, value: Any) -> LmctoolError:
    return LmctoolError(
        f"config.json sets {name!r} to {str(value)[:80]!r}, which the built-in {word!r} does not"
        " compute; pass --model ./file.py:factory"
    )
