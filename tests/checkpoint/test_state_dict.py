"""Which state dict of a file is meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from lmctool.checkpoint import open_checkpoint
from lmctool.errors import LmctoolError, NoStateDictError
from lmctool.plugin.settings import Naming

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.checkpoint import Checkpoint

STATE = {"w": torch.arange(4.0), "b": torch.ones(2)}


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    """Write a file, and open it with a key."""

    def save_and_open(content: object, key: str | None = None) -> Checkpoint:
        torch.save(content, tmp_path / "in.pt")
        return open_checkpoint(tmp_path / "in.pt", Naming(key=key))

    return save_and_open


@pytest.fixture
def error_text(opened: Any, tmp_path: Path) -> Any:
    """Write a file, and return why it is not opened."""

    def save_and_fail(content: object, key: str | None = None) -> str:
        with pytest.raises(LmctoolError) as caught:
            opened(content, key)
        return str(caught.value).replace(f"'{tmp_path / 'in.pt'}'", "FILE")

    return save_and_fail


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "net", "ema"])
def test_the_only_state_dict_inside_is_found(opened: Any, key: str) -> None:
    content = {key: {**STATE, "note": "text"}, "epoch": 3, "optimizer": {"state": {0: STATE}}}
    checkpoint = opened(content)
    assert checkpoint.names == ("b", "w")
    assert checkpoint.left_out == (f"{key}.note", "epoch", "optimizer")


@pytest.mark.parametrize(
    "beside",
    [
        {"best_loss": torch.tensor(0.5), "step": torch.tensor(3)},
        {"rng": torch.get_rng_state(), "rngs": {"cpu": torch.get_rng_state()}},
        {"scaler": {"scale": torch.tensor(65536.0), "growth_factor": 2.0}},
        {"optimizer": torch.optim.Adam([nn.Parameter(torch.ones(2))]).state_dict()},
        {"optimizer": {"state": {"w": {"exp_avg": torch.ones(4)}}, "param_groups": [{}]}},
        {"callbacks": {"Best{'mode': 'min'}": {"best_model_score": torch.tensor(0.1)}}},
        {"loss": [torch.ones(3)], "history": {0: torch.ones(3)}},
    ],
    ids=lambda beside: "-".join(beside),
)
def test_what_a_training_run_keeps_beside_it_is_no_state_dict(
    opened: Any, beside: dict[str, Any]
) -> None:
    checkpoint = opened({"model": STATE, **beside})
    assert checkpoint.names == ("b", "w")
    assert checkpoint.left_out == tuple(beside)


def test_several_state_dicts_are_listed_and_the_key_chooses(opened: Any, error_text: Any) -> None:
    content = {"model": STATE, "ema": {"w": torch.zeros(4)}, "step": torch.tensor(1)}
    assert error_text(content) == "FILE holds several state dicts; --key can be model, ema"
    assert error_text(content, "net") == "FILE has no entry 'net'; --key can be model, ema"
    said = "is no state dict; --key can be model, ema"
    assert error_text(content, "step") == f"entry 'step' of FILE {said}"
    assert torch.equal(opened(content, "ema").tensor("w"), torch.zeros(4))
    assert opened(content, ".").names == ("step",)
    flat = {**STATE, "ema": STATE}
    assert error_text(flat) == "FILE holds several state dicts; --key can be ., ema"


def test_a_state_dict_may_lie_deeper(opened: Any, error_text: Any) -> None:
    assert opened({"ema": {"shadow": STATE, "decay": 0.9}}).left_out == ("ema.decay",)
    content = {"nets": {"g": {"body": STATE}, "d": {"body": STATE}}, "rng": torch.get_rng_state()}
    assert "--key can be nets.g.body, nets.d.body" in error_text(content)
    assert opened(content, "nets.d.body").left_out == ("rng", "nets.g")
    assert opened({"a.b": STATE, "c": STATE}, "a.b").names == ("b", "w")


def test_a_key_may_be_the_start_of_names_within_the_state_dict(opened: Any) -> None:
    flat = {"ema_model.net.w": torch.ones(2), "online_model.net.w": torch.zeros(2)}
    for content, key in ((flat, "ema_model"), ({"state_dict": flat, "e": 1}, "ema_model")):
        assert opened(content, key).names == ("net.w",)
        assert opened(content, f"{key}.net").names == ("w",)
    chosen = opened({"state_dict": flat, "other": STATE}, "state_dict.ema_model.net")
    assert torch.equal(chosen.tensor("w"), torch.ones(2))
    assert chosen.left_out == ("state_dict.online_model.net.w", "other")


def test_dictionaries_of_other_classes_are_dictionaries(opened: Any) -> None:
    table: defaultdict[str, Any] = defaultdict(list, STATE)
    assert opened({"model": table, "count": Counter("aab")}).names == ("b", "w")
    assert opened(defaultdict(list, {**STATE, "note": ["text"]})).left_out == ("note",)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([STATE], "FILE holds a list where a state dict is due"),
        ({"epoch": 3}, "FILE holds no state dict; its top-level entries are epoch"),
        ({}, "FILE holds no state dict; its top-level entries are none"),
        ({"state": {0: STATE}}, "FILE holds no state dict; its top-level entries are state"),
        (STATE["w"], "FILE holds a tensor where a state dict is due"),
    ],
)
def test_a_file_without_state_dict_is_told(
    opened: Any, error_text: Any, content: object, sentence: str
) -> None:
    assert error_text(content) == sentence
    with pytest.raises(NoStateDictError):
        opened(content)


def test_tensors_under_anything_but_texts_are_left_out(opened: Any) -> None:
    content: dict[Any, Any] = {**STATE, 0: torch.ones(3), ("a",): 1}
    assert opened(content).left_out == ("0", "('a',)")
