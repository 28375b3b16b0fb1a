"""Models without ties: the same functions, whose names have tensors of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lmctool.checkpoint import Checkpoint, open_checkpoint, write_checkpoint
from lmctool.config import Config
from lmctool.errors import LmctoolError
from lmctool.model.fit import fitted
from lmctool.model.resolve import Model, resolve_model
from lmctool.model.shapes import aliases
from lmctool.model.untied import untie, untied, untied_files, untied_form, untied_metadata
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

if TYPE_CHECKING:
    from pathlib import Path

GPT2 = {"n_layer": 1, "n_head": 2, "n_embd": 4, "vocab_size": 5, "n_positions": 3}
SETTINGS = {"attn_pdrop": 0, "resid_pdrop": 0, "embd_pdrop": 0}
WORD = "transformers:GPT2LMHeadModel"
HEAD, EMBEDDING = "lm_head.weight", "transformer.wte.weight"


class Shared(nn.Module):
    """A head that is the embedding, a block that is at two places, an LSTM that has its bias."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        block = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Tanh())
        self.blocks = nn.ModuleList([block, block])
        self.lstm = nn.LSTM(4, 4, batch_first=True)
        self.lstm.bias_hh_l0 = self.lstm.bias_ih_l0
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids).flatten(0, 1)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.lstm(x.unflatten(0, ids.shape))[0])
        return logits


def test_untying_keeps_the_function_and_gives_each_name_its_tensor() -> None:
    module, ids = Shared().eval(), torch.randint(5, (3, 4))
    tied, before = aliases(module), module(ids)
    ties = untie(module)
    assert torch.equal(module(ids), before)
    assert not aliases(module)
    assert ties["head.weight"] == "embedding.weight"
    assert ties["blocks.1.0.weight"] == "blocks.0.0.weight"
    assert {*ties, *ties.values()} == tied.keys()
    for name, own in ties.items():  # every name is read: a change of it alone tells
        weights = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        assert torch.equal(weights[name], weights[own])
        if weights[name].is_floating_point():
            weights[name] += 1
            assert not torch.equal(torch.func.functional_call(module, weights, (ids,)), before)


def test_a_module_without_ties_stays_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    parts = [*module.parameters()]
    assert untie(module) == {}
    assert all(a is b for a, b in zip(module.parameters(), parts, strict=True))


@pytest.mark.parametrize("names", [["a"], ["b"], ["a", "b"]])
def test_an_untied_model_takes_the_weights_of_a_tied_one(names: list[str]) -> None:
    stored = {"c": torch.zeros(1), **{name: torch.ones(2) for name in names}}
    weights = untied(stored, {"b": "a"})
    assert weights.keys() == {"a", "b", "c"}
    assert torch.equal(weights["a"], weights["b"])


def test_weights_that_a_tied_model_cannot_have_are_refused() -> None:
    with pytest.raises(LmctoolError, match="tensors 'a' and 'b' are one in the model, but differ"):
        untied({"a": torch.zeros(2), "b": torch.ones(2)}, {"b": "a"})


def resolved(checkpoint: Checkpoint) -> tuple[Model, Checkpoint]:
    model = resolve_model(checkpoint, spec=None, arguments={}, config=Config())
    return model, fitted(checkpoint, model.module, model.spec)


@pytest.mark.parametrize("stored", ["both", "embedding", "head", "prefixed"])
def test_a_written_checkpoint_says_that_nothing_is_tied(tmp_path: Path, stored: str) -> None:
    stamp = {"lmctool.model": WORD, "lmctool.model_arguments": json.dumps({**GPT2, **SETTINGS})}
    model, checkpoint = resolved(open_checkpoint(_file(tmp_path / "a.safetensors", stamp, stored)))
    ties = untie(model.module)
    weights = untied(checkpoint.weights(), ties)
    weights[HEAD] = 2 * weights[HEAD]
    out = tmp_path / "out.safetensors"
    form = untied_form(checkpoint, ties)
    write_checkpoint(out, weights, like=form, metadata=untied_metadata(model))
    again, written = resolved(open_checkpoint(out))
    assert again.arguments == {**GPT2, **SETTINGS, "tie_word_embeddings": False}
    assert not aliases(again.module)
    assert torch.equal(written.tensor(HEAD), 2 * written.tensor(EMBEDDING))
    first = "model." if stored == "prefixed" else ""
    assert {first + HEAD, first + EMBEDDING} <= written.stored.keys()


def _file(path: Path, stamp: dict[str, str], stored: str) -> Path:

    build = registry.load(MODELS, "transformers").build
    state = {
        n: t.clone() for n, t in build("transformers:GPT2LMHeadModel", **GPT2).state_dict().items()
    }
    if stored == "head":
        del state[EMBEDDING]
    elif stored != "both":
        del state[HEAD]
    before = "model." if stored == "prefixed" else ""
    save_file({before + name: tensor for name, tensor in state.items()}, path, stamp)
    return path


def test_the_config_of_a_folder_says_that_nothing_is_tied(tmp_path: Path) -> None:
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", **GPT2}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "config.json").write_text(json.dumps(config))
    _file(tmp_path / "a" / "model.safetensors", {}, "embedding")
    model, checkpoint = resolved(open_checkpoint(tmp_path / "a"))
    ties = untie(model.module)
    write_checkpoint(
        tmp_path / "b",
        untied(checkpoint.weights(), ties),
        like=untied_form(checkpoint, ties),
        files=untied_files(model, checkpoint),
    )
    again, written = resolved(open_checkpoint(tmp_path / "b"))
    assert not aliases(again.module)
    assert {HEAD, EMBEDDING} <= written.stored.keys()
    assert written.config == {**config, "tie_word_embeddings": False}


def test_a_model_of_a_family_without_ties_says_nothing(tmp_path: Path) -> None:
    save_file({"0.weight": torch.ones(2, 2), "0.bias": torch.ones(2)}, tmp_path / "a.safetensors")
    model = Model(nn.Linear(2, 2), "nets.py:mlp", {}, "--model", lambda _: nn.Linear(2, 2))
    assert untied_metadata(model) == {}
    assert untied_files(model, open_checkpoint(tmp_path / "a.safetensors")) == {}
