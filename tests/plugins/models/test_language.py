"""GPT-2, Llama and the vision transformer: sizes, causality, words of config.json, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.config import Config
from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.model.resolve import resolve_model
from lmctool.plugin import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

GPT2 = {"n_head": 4, "n_embd": 16, "n_layer": 2, "n_positions": 9, "vocab_size": 11}
LLAMA = {
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "vocab_size": 11,
}
VIT = {"heads": 4, "size": 8, "patch": 4, "width": 16, "depth": 2, "channels": 1, "classes": 3}
HEADS = {
    "gpt2": "--model-arg n_head=...",
    "llama": "--model-arg num_attention_heads=...",
    "vit": "--model-arg heads=...",
}
MODELS = [("gpt2", GPT2), ("llama", LLAMA), ("vit", VIT)]
LANGUAGE = MODELS[:2]
IDS = torch.randint(11, (3, 9), generator=torch.Generator().manual_seed(0))


def built(word: str, **arguments: Any) -> nn.Module:
    """Return a model in evaluation mode, every parameter drawn anew: none of it is idle."""
    module = registry.load("lmctool.models", word).build(word, **arguments).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in module.requires_grad_(False).parameters():
        parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module


@pytest.mark.parametrize(
    ("word", "arguments", "count"),
    [
        # the smallest of Radford et al. 2019
        (
            "gpt2",
            {"n_head": 12, "n_embd": 768, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257},
            124_439_808,
        ),
        # Llama 2 7B
        (
            "llama",
            {
                "num_attention_heads": 32, "hidden_size": 4096, "intermediate_size": 11008,
                "num_hidden_layers": 32, "vocab_size": 32_000,
            },
            6_738_415_616,
        ),
        # ViT-B/16
        (
            "vit",
            {
                "heads": 12, "size": 224, "patch": 16, "channels": 3, "width": 768, "depth": 12,
                "classes": 1000,
            },
            86_567_656,
        ),
    ],
)  # fmt: skip
def test_number_of_parameters_is_the_published_one(
    word: str, arguments: dict[str, int], count: int
) -> None:
    with torch.device("meta"):
        module = registry.load("lmctool.models", word).build(word, **arguments)
    assert sum(parameter.numel() for parameter in module.parameters()) == count


@pytest.mark.parametrize(("word", "arguments"), LANGUAGE)
def test_a_position_sees_nothing_of_what_follows(word: str, arguments: dict[str, Any]) -> None:
    module, changed = built(word, **arguments), IDS.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % 11
    before, after = module(IDS), module(changed)
    assert before.shape == (3, 9, 11)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.isclose(before[:, 5:], after[:, 5:]).all(dim=2).any()


@pytest.mark.parametrize(("word", "arguments"), MODELS)
def test_the_graph_takes_batches_of_any_size(word: str, arguments: dict[str, Any]) -> None:
    module = built(word, **arguments).double()
    inputs = torch.randn(5, 1, 8, 8).double() if word == "vit" else IDS.repeat(2, 1)[:5]
    graph = capture(module, inputs[:2])
    # float64, whose last digits another order of operations may change
    torch.testing.assert_close(
        graph.run(dict(module.state_dict()), inputs, {}), module(inputs), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(("word", "arguments"), MODELS)
def test_heads_are_asked_for_and_never_guessed(
    saved: Callable[..., Any], word: str, arguments: dict[str, Any]
) -> None:
    checkpoint = saved(word, **arguments)
    with pytest.raises(LmctoolError, match=f"pass --model {word} {HEADS[word]}"):
        resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    with pytest.raises(LmctoolError, match=f"which shapes do not tell; pass {HEADS[word]}"):
        resolve_model(checkpoint, spec=word, arguments={}, config=Config())
    given = {name: str(arguments[name]) for name in arguments if "head" in name}
    found = resolve_model(checkpoint, spec=word, arguments=given, config=Config())
    assert {name: found.arguments[name] for name in arguments} == arguments


def test_a_tied_head_is_recognised_by_its_absence(saved: Callable[..., Any]) -> None:
    checkpoint = saved("gpt2", **GPT2)
    found = resolve_model(checkpoint, spec="gpt2", arguments={"n_head": "4"}, config=Config())
    assert found.arguments["tie_word_embeddings"] is False  # stored under both names
    checkpoint.shapes = {name: s for name, s in checkpoint.shapes.items() if "lm_head" not in name}
    found = resolve_model(checkpoint, spec="gpt2", arguments={"n_head": "4"}, config=Config())
    assert found.arguments["tie_word_embeddings"] is True
    assert found.module.get_parameter("lm_head.weight") is found.module.get_parameter(
        "transformer.wte.weight"
    )


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"activation_function": "relu"}, "'activation_function' to 'relu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "'scale_attn_by_inverse_layer_idx' to 'True'"),
        ({"architectures": ["GPT2ForSequenceClassification"]}, "GPT2ForSequenceClassification"),
        ({"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 2}}, "linear"),
        ({"model_type": "llama", "rope_parameters": {"rope_type": "llama3"}}, "llama3"),
        ({"model_type": "llama", "hidden_act": "gelu"}, "'hidden_act' to 'gelu'"),
    ],
)
def test_a_config_that_asks_for_more_is_refused(
    saved: Callable[..., Any], config: dict[str, Any], told: str
) -> None:
    checkpoint = saved("gpt2", None, {"model_type": "gpt2", **config}, **GPT2)
    with pytest.raises(LmctoolError, match=f"config.json sets .*{told}.* does not compute"):
        resolve_model(checkpoint, spec=None, arguments={}, config=Config())


@pytest.mark.parametrize(
    "said",
    [{"rope_theta": 500.0, "rope_scaling": None}, {"rope_parameters": {"rope_theta": 500.0}}],
)
def test_the_angle_is_read_wherever_a_version_wrote_it(
    saved: Callable[..., Any], said: dict[str, Any]
) -> None:
    checkpoint = saved("llama", None, {"model_type": "llama", **LLAMA, **said}, **LLAMA)
    found = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    assert (found.arguments["rope_theta"], found.origin) == (500.0, "config.json")


@pytest.mark.parametrize(
    ("word", "changes", "told"),
    [
        ("gpt2", {"n_head": 3}, "16 units among n_head = 3"),
        ("gpt2", {"n_head": 0}, "16 units among n_head = 0"),
        ("llama", {"num_key_value_heads": 3}, "4 query heads among num_key_value_heads = 3"),
        ("llama", {"head_dim": 3}, "pairs of units, but head_dim is 3"),
        ("vit", {"patch": 3}, "8 pixels into patches of 3"),
        ("vit", {"heads": -1}, "16 units among heads = -1"),
    ],
)
def test_sizes_that_cannot_be_are_refused(word: str, changes: dict[str, int], told: str) -> None:
    with pytest.raises(LmctoolError, match=told):
        built(word, **{**dict(MODELS)[word], **changes})


@pytest.mark.parametrize(("word", "arguments"), LANGUAGE)
@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (torch.tensor([[3, 11]]), "token 11 but the model knows 11 tokens"),
        (torch.tensor([[3, -1]]), "token -1 but the model knows 11 tokens"),
        (torch.zeros(1, 3), "needs token ids, not inputs of torch.float32"),
    ],
    ids=["high", "negative", "floats"],
)
def test_what_is_no_token_is_told(
    word: str, arguments: dict[str, Any], ids: torch.Tensor, told: str
) -> None:
    with pytest.raises(LmctoolError, match=told):
        built(word, **arguments)(ids)


def test_longer_sequences_and_other_images_are_told() -> None:
    with pytest.raises(LmctoolError, match="knows 9 positions, but the sequences have 10"):
        built("gpt2", **GPT2)(torch.zeros(1, 10, dtype=torch.int64))
    with pytest.raises(LmctoolError, match="images of 8 x 8 pixels, not of 8 x 12"):
        built("vit", **VIT)(torch.zeros(1, 1, 8, 12))
