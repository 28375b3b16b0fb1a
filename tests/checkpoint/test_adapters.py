"""LoRA adapters: which tensors are factors, and what their configuration says of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.adapters import factor_names, is_adapter, read_adapter
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.checkpoint import Checkpoint

CONFIG: dict[str, Any] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "rank_pattern": {}}


def adapter(
    folder: Path, more: dict[str, tuple[int, ...]] | None = None, **config: Any
) -> Checkpoint:
    folder.mkdir(exist_ok=True)
    shapes = {"m.q.lora_A.weight": (4, 6), "m.q.lora_B.weight": (5, 4), **(more or {})}
    tensors = {name: torch.zeros(shape) for name, shape in shapes.items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | config))
    return open_checkpoint(folder)


def test_factors_are_pairs_of_linear_layers_and_embeddings_with_any_adapters_name() -> None:
    names = [
        "m.q.lora_A.default.weight",
        "m.q.lora_B.default.weight",
        "m.e.lora_embedding_A",
        "m.e.lora_embedding_B",
        "m.k.lora_A.weight",
        "m.head.weight",
    ]
    assert factor_names(names) == (
        ("m.q.lora_A.default.weight", "m.q.lora_B.default.weight"),
        ("m.e.lora_embedding_A", "m.e.lora_embedding_B"),
    )


def test_the_scale_is_alpha_over_the_rank_or_its_root(tmp_path: Path) -> None:
    assert read_adapter(adapter(tmp_path)).scale == 2
    assert read_adapter(adapter(tmp_path, use_rslora=True)).scale == 4
    assert read_adapter(adapter(tmp_path, init_lora_weights="gaussian")).rank == 4


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"use_dora": True}, "has use_dora in its"),
        ({"rank_pattern": {"q": 8}}, "has rank_pattern in its"),
        ({"alpha_pattern": {"q": 8}}, "has alpha_pattern in its"),
        ({"peft_type": "LOHA"}, "has peft_type 'LOHA' in its"),
        ({"init_lora_weights": "pissa"}, "has init_lora_weights 'pissa' in its"),
        ({"r": 3}, r"is of rank 3, but 'm.q.lora_A.weight' has shape \(4, 6\)"),
        ({"lora_alpha": None}, "has no numbers r and lora_alpha"),
    ],
)
def test_what_has_no_exact_mean_is_refused(
    tmp_path: Path, config: dict[str, Any], reason: str
) -> None:
    with pytest.raises(LmctoolError, match=reason):
        read_adapter(adapter(tmp_path, **config))


@pytest.mark.parametrize(
    "name",
    ["m.q.lora_magnitude_vector", "m.q.lora_B.bias", "m.k.lora_A.weight", "m.lora_up.weight"],
)
def test_a_tensor_of_another_kind_of_update_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LmctoolError, match=f"has tensor '{name}'"):
        read_adapter(adapter(tmp_path, {name: (4,)}))


def test_a_file_without_its_configuration_says_no_scale(tmp_path: Path) -> None:
    adapter(tmp_path)
    alone = open_checkpoint(tmp_path / "adapter_model.safetensors")
    assert is_adapter(alone)
    with pytest.raises(LmctoolError, match=r"no adapter_config\.json.*name the folder"):
        read_adapter(alone)
