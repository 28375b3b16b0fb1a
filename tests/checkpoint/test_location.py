"""Folders and shards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import open_checkpoint, write_checkpoint
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import Naming

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from .conftest import Save

ONE = {"w": torch.ones(2)}


@pytest.fixture
def index(save: Save, tensors: dict[str, Tensor], tmp_path: Path) -> Path:
    """Write the tensors as two shards, and return the index."""
    names = sorted(tensors)
    parts = {
        "model-00001-of-00002.safetensors": names[:3],
        "model-00002-of-00002.safetensors": names[3:],
    }
    for file, part in parts.items():
        save(f"sharded/{file}", {name: tensors[name] for name in part}, {"format": "pt"})
    weight_map = {name: file for file, part in parts.items() for name in part}
    path = tmp_path / "sharded" / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return path


def edit(index: Path, changes: dict[str, str | None]) -> None:
    """Change the weight map of an index; None takes an entry out."""
    table = json.loads(index.read_text())
    merged = {**table["weight_map"], **changes}
    table["weight_map"] = {name: file for name, file in merged.items() if file is not None}
    index.write_text(json.dumps(table))


def test_shards_have_the_digest_of_the_single_file(
    save: Save, tensors: dict[str, Tensor], index: Path
) -> None:
    single, sharded = open_checkpoint(save("one.safetensors", tensors)), open_checkpoint(index)
    assert sharded.digest == single.digest
    assert sharded.sha256 != single.sha256
    assert sharded.names == single.names
    assert len(sharded.files) == 2
    assert all(torch.equal(sharded.tensor(name), tensors[name]) for name in tensors)


def test_a_folder_is_its_usual_file_with_its_config(save: Save, tmp_path: Path) -> None:
    path = save("hf/model.safetensors", ONE)
    save("hf/adapter.safetensors", {"v": torch.ones(1)})
    (path.parent / "config.json").write_text('{"architecture": "resnet18"}')
    checkpoint = open_checkpoint(path.parent)
    assert checkpoint.names == ("w",)
    assert checkpoint.config == {"architecture": "resnet18"}
    assert open_checkpoint(path).config is None


def test_a_folder_with_an_index_is_its_shards(index: Path, tensors: dict[str, Tensor]) -> None:
    assert set(open_checkpoint(index.parent).names) == set(tensors)


def test_a_folder_with_one_file_of_any_name_is_that_file(save: Save) -> None:
    assert open_checkpoint(save("any/step-5.safetensors", ONE).parent).names == ("w",)


def test_a_folder_with_several_files_lists_them(save: Save) -> None:
    save("many/b.safetensors", ONE)
    folder = save("many/a.safetensors", ONE).parent
    with pytest.raises(LmctoolError, match=r"several checkpoints: a.safetensors, b.safetensors;"):
        open_checkpoint(folder)


def test_a_folder_without_checkpoint_is_told(tmp_path: Path) -> None:
    torch.save({"state": {}}, tmp_path / "optimizer.pt")
    with pytest.raises(LmctoolError, match=r"holds no checkpoint, neither a .safetensors file nor"):
        open_checkpoint(tmp_path)


def test_a_folder_of_a_trainer_is_its_model(tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "adapter.bin", "optimizer.pt", "scheduler.pt"):
        torch.save(ONE if name == "pytorch_model.bin" else {"v": torch.ones(3)}, tmp_path / name)
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.names == ("w",)
    assert checkpoint.config == {"architecture": "resnet18"}
    assert checkpoint.notes == ()


def test_safetensors_go_before_pytorch_and_that_is_said(save: Save, tmp_path: Path) -> None:
    save("hf/model.safetensors", ONE)
    torch.save({"old": torch.ones(3)}, tmp_path / "hf/pytorch_model.bin")
    torch.save({"state": {}}, tmp_path / "hf/optimizer.pt")
    checkpoint = open_checkpoint(tmp_path / "hf")
    assert checkpoint.names == ("w",)
    assert checkpoint.notes == (
        f"folder '{tmp_path / 'hf'}' holds pytorch_model.bin too; model.safetensors is read",
    )


@pytest.fixture
def bin_index(tensors: dict[str, Tensor], tmp_path: Path) -> Path:
    """Write the tensors as two shards of PyTorch, and return the index."""
    names = sorted(tensors)
    folder = tmp_path / "bin"
    folder.mkdir()
    weight_map: dict[str, str] = {}
    for number, part in enumerate((names[:3], names[3:]), start=1):
        file = f"pytorch_model-0000{number}-of-00002.bin"
        torch.save({name: tensors[name] for name in part}, folder / file)
        weight_map |= dict.fromkeys(part, file)
    path = folder / "pytorch_model.bin.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return path


def test_shards_of_pytorch_are_read_by_their_index_and_folder(
    save: Save, tensors: dict[str, Tensor], bin_index: Path
) -> None:
    single = open_checkpoint(save("one.safetensors", tensors))
    for path in (bin_index, bin_index.parent):
        sharded = open_checkpoint(path)
        assert sharded.digest == single.digest
        assert sharded.is_folder
        assert all(torch.equal(sharded.tensor(name), tensors[name]) for name in tensors)


def test_a_folder_like_shards_of_pytorch_has_the_names_of_safetensors(
    tensors: dict[str, Tensor], bin_index: Path, tmp_path: Path
) -> None:
    like = open_checkpoint(bin_index.parent)
    write_checkpoint(tmp_path / "out", like.weights(), like=like)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]
    assert open_checkpoint(tmp_path / "out").digest == like.digest


def test_a_key_chooses_by_the_start_of_names_in_every_format(
    save: Save, bin_index: Path, tmp_path: Path
) -> None:
    both = {"ema_model.w": torch.ones(2), "online_model.w": torch.zeros(2), "step": torch.ones(1)}
    torch.save(both, tmp_path / "a.pt")
    for path in (tmp_path / "a.pt", save("a.safetensors", both)):
        chosen = open_checkpoint(path, Naming(key="ema_model"))
        assert chosen.names == ("w",)
        assert torch.equal(chosen.tensor("w"), torch.ones(2))
        assert set(open_checkpoint(path, Naming(key=".")).names) == set(both)
        with pytest.raises(LmctoolError, match=r"has no entry 'net'; "):
            open_checkpoint(path, Naming(key="net"))
    assert open_checkpoint(bin_index, Naming(key="layers.2")).names == ("bias", "weight")


def test_a_config_that_is_no_json_is_told(save: Save) -> None:
    path = save("hf/model.safetensors", ONE)
    (path.parent / "config.json").write_text("{")
    with pytest.raises(LmctoolError, match=r"config.json' is malformed: its text is not valid"):
        open_checkpoint(path.parent)


@pytest.mark.parametrize("shard", ["../a.safetensors", "/etc/passwd", "..", "a\\b", "", "c:d"])
def test_a_shard_outside_the_folder_is_refused(index: Path, shard: str) -> None:
    edit(index, {"mask": shard})
    with pytest.raises(LmctoolError, match=r"puts tensor 'mask' into .* no plain file name"):
        open_checkpoint(index)


def test_a_missing_shard_is_named(index: Path) -> None:
    edit(index, {"mask": "model-3.safetensors"})
    with pytest.raises(LmctoolError, match=r"shard '.*model-3.safetensors' of index .* not exist"):
        open_checkpoint(index)


def test_a_tensor_that_its_shard_lacks_is_named(index: Path) -> None:
    edit(index, {"ghost": "model-00001-of-00002.safetensors"})
    with pytest.raises(LmctoolError, match=r"lacks tensor 'ghost'"):
        open_checkpoint(index)


def test_a_tensor_that_the_index_lacks_is_named(index: Path) -> None:
    edit(index, {"mask": None})
    with pytest.raises(LmctoolError, match=r"holds tensor 'mask', unlike"):
        open_checkpoint(index)


@pytest.mark.parametrize("text", ["{}", '{"weight_map": []}', '{"weight_map": {}}'])
def test_an_index_without_weight_map_is_told(index: Path, text: str) -> None:
    index.write_text(text)
    with pytest.raises(LmctoolError, match=r"has no mapping 'weight_map'"):
        open_checkpoint(index)


def test_a_shard_whose_name_no_file_can_have_is_told(index: Path) -> None:
    edit(index, {"mask": "x" * 5000})
    with pytest.raises(LmctoolError, match="does not exist; copy it as well"):
        open_checkpoint(index)
