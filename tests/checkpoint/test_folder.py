"""Writing weights like a checkpoint of several files."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lmctool.checkpoint import open_checkpoint, write_checkpoint
from lmctool.checkpoint.writing import folder_names
from lmctool.errors import LmctoolError
from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

INDEX = "model.safetensors.index.json"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture
def sharded(tmp_path: Path, tensors: dict[str, Tensor]) -> Path:
    """Write the tensors in two shards, tied ones under one name, beside what else a folder has."""
    folder = tmp_path / "like"
    folder.mkdir()
    tensors["embed.weight"] = torch.arange(6.0).reshape(3, 2)
    names = sorted(tensors)
    parts = dict(zip(SHARDS, (names[:3], names[3:]), strict=True))
    for number, (shard, held) in enumerate(parts.items()):
        metadata = {"format": "pt", "shard": str(number)}
        save_file({name: tensors[name] for name in held}, folder / shard, metadata)
    weight_map = {name: shard for shard, held in parts.items() for name in held}
    index = {"metadata": {"total_size": 1, "origin": "here"}, "weight_map": weight_map}
    (folder / INDEX).write_text(json.dumps(index))
    (folder / "config.json").write_text('{"architecture": "none", "tie_word_embeddings": true}')
    (folder / "merges.txt").write_text("a b\n")
    (folder / "optimizer.bin").write_bytes(b"\0")
    (folder / ".cache.json").write_text("{}")
    return folder


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def test_shards_are_written_back_as_they_were(sharded: Path, tmp_path: Path) -> None:
    like, out = open_checkpoint(sharded), tmp_path / "out"
    write_checkpoint(out, like.weights(), like=like, metadata={"made": "here"})
    written = open_checkpoint(out)
    assert written.digest == like.digest
    assert listed(out) == sorted([*SHARDS, INDEX, "config.json", "merges.txt"])
    assert set(listed(out)) == folder_names(like)
    for shard in SHARDS:
        stored = safetensors.torch.load_file(sharded / shard)
        copied = safetensors.torch.load_file(out / shard)
        assert list(copied) == list(stored)
        assert all(torch.equal(copied[name], stored[name]) for name in stored)
        assert metadata_of(out / shard) == metadata_of(sharded / shard) | {"made": "here"}
    assert (out / "config.json").read_bytes() == (sharded / "config.json").read_bytes()


def test_the_index_keeps_what_it_says_and_its_size_is_true(sharded: Path, tmp_path: Path) -> None:
    like, out = open_checkpoint(sharded), tmp_path / "out"
    write_checkpoint(out, like.weights(), like=like)
    old, new = (json.loads((folder / INDEX).read_text()) for folder in (sharded, out))
    size = sum(
        tensor.numel() * tensor.element_size()
        for shard in SHARDS
        for tensor in safetensors.torch.load_file(out / shard).values()
    )
    assert new == old | {"metadata": {"origin": "here", "total_size": size}}


def test_shards_named_by_their_index_bring_no_other_files(sharded: Path, tmp_path: Path) -> None:
    like = open_checkpoint(sharded / INDEX)
    write_checkpoint(tmp_path / "out", like.weights(), like=like)
    assert listed(tmp_path / "out") == sorted([*SHARDS, INDEX])


def test_a_name_that_ends_in_safetensors_asks_for_one_file(sharded: Path, tmp_path: Path) -> None:
    like, out = open_checkpoint(sharded), tmp_path / "out.safetensors"
    write_checkpoint(out, like.weights(), like=like)
    assert out.is_file()
    assert open_checkpoint(out).digest == like.digest


def test_a_folder_of_one_file_gives_a_folder_of_one_file(
    tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    folder = tmp_path / "like"
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors", {"k": "v"})
    (folder / "config.json").write_text("{}")
    like, out = open_checkpoint(folder), tmp_path / "out"
    write_checkpoint(out, like.weights(), like=like)
    assert listed(out) == ["config.json", "model.safetensors"]
    assert metadata_of(out / "model.safetensors") == {"k": "v", "format": "pt"}


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_a_failure_at_the_second_shard_leaves_nothing(
    sharded: Path, tmp_path: Path, failure: type[BaseException]
) -> None:
    like = open_checkpoint(sharded)
    whole, second = (
        like.weights(),
        [n for n in like.names if like.locations[n].file.name == SHARDS[1]],
    )

    def fail_at_second(name: str) -> Tensor:
        if name in second:
            raise failure
        return whole[name]

    with pytest.raises(failure):
        write_checkpoint(tmp_path / "out", LazyWeights(whole, fail_at_second), like=like)
    assert listed(tmp_path) == ["like"]


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(
    sharded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lmctool.checkpoint.writing.shutil.copyfile", full)
    like = open_checkpoint(sharded)
    with pytest.raises(LmctoolError, match=r"cannot be written: No space left on device"):
        write_checkpoint(tmp_path / "out", like.weights(), like=like)
    assert listed(tmp_path) == ["like"]


def test_a_folder_is_replaced_by_force_only_and_nothing_else_is_lost(
    sharded: Path, tmp_path: Path
) -> None:
    like, out = open_checkpoint(sharded), tmp_path / "out"
    write_checkpoint(out, like.weights(), like=like)
    with pytest.raises(LmctoolError, match=r"out' exists; choose another with -o, or pass --force"):
        write_checkpoint(out, like.weights(), like=like)
    doubled = {n: t * 2 if t.is_floating_point() else t for n, t in like.weights().items()}
    write_checkpoint(out, doubled, like=like, force=True)
    assert torch.equal(open_checkpoint(out).weights()["embed.weight"], doubled["embed.weight"])
    (out / "notes.md").write_text("mine")
    with pytest.raises(LmctoolError, match=r"out' holds 'notes.md' too, which would be lost"):
        write_checkpoint(out, like.weights(), like=like, force=True)
    assert (out / "notes.md").read_text() == "mine"
    assert listed(tmp_path) == ["like", "out"]


def test_a_file_or_a_link_in_the_place_of_the_folder_is_refused(
    sharded: Path, tmp_path: Path
) -> None:
    like = open_checkpoint(sharded)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(sharded)
    for name in ("file", "link"):
        with pytest.raises(LmctoolError, match=rf"{name}' is not a folder; choose another"):
            write_checkpoint(tmp_path / name, like.weights(), like=like, force=True)


def test_tied_names_that_are_stored_twice_are_written_twice(tmp_path: Path, sharded: Path) -> None:
    first, second = (safetensors.torch.load_file(sharded / shard) for shard in SHARDS)
    owner = "embed.weight" in first
    (second if owner else first)["head.weight"] = (first if owner else second)["embed.weight"]
    weight_map = {name: s for s, held in zip(SHARDS, (first, second), strict=True) for name in held}
    for shard, held in zip(SHARDS, (first, second), strict=True):
        save_file(held, sharded / shard)
    (sharded / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    like = open_checkpoint(sharded)
    weights = like.weights()
    weights["head.weight"] = weights["embed.weight"] = weights["embed.weight"].flip(0)
    write_checkpoint(tmp_path / "out", weights, like=like)
    written = open_checkpoint(tmp_path / "out").weights()
    assert torch.equal(written["head.weight"], weights["embed.weight"])
    assert torch.equal(written["embed.weight"], weights["embed.weight"])
