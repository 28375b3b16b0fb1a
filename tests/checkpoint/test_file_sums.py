"""The sums of files: when one that was taken earlier is believed, and when not."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.checkpoint import file_sums, open_checkpoint
from lmctool.checkpoint.checkpoint import identify_all
from lmctool.checkpoint.file_sums import FileSum, FileSums
from lmctool.files.cache import Cache

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Save

OLD = 1_000_000_000_000_000_000
"""Nanoseconds: a time in 2001."""


@pytest.fixture
def sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileSums:
    """A cache for sums, which believes files however fresh they are."""
    monkeypatch.setattr(file_sums, "SETTLED", -3_600_000_000_000)
    return FileSums(Cache(tmp_path / "cache"))


def found(path: Path, sums: FileSums) -> FileSum:
    checkpoint = open_checkpoint(path)
    identify_all([checkpoint], sums)
    assert checkpoint.digest == open_checkpoint(path).digest
    return checkpoint.file_sum


def expected(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_was_read_before_is_known(save: Save, sums: FileSums) -> None:
    path = save("a.safetensors", {"w": torch.ones(3)})
    assert found(path, sums) == FileSum(expected(path), "file")
    assert found(path, sums) == FileSum(expected(path), "cache")


def test_another_content_of_the_same_size_and_time_is_read(save: Save, sums: FileSums) -> None:
    path = save("a.safetensors", {"w": torch.ones(3)})
    os.utime(path, ns=(OLD, OLD))
    first = found(path, sums)
    with path.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")
    os.utime(path, ns=(OLD, OLD))
    second = found(path, sums)
    assert second == FileSum(expected(path), "file")
    assert second.sha256 != first.sha256


def test_another_file_in_its_place_is_read(save: Save, sums: FileSums) -> None:
    path = save("a.safetensors", {"w": torch.ones(3)})
    other = save("b.safetensors", {"w": torch.zeros(3)})
    found(path, sums)
    other.replace(path)
    assert found(path, sums) == FileSum(expected(path), "file")


def test_what_has_just_been_changed_is_not_kept(save: Save, tmp_path: Path) -> None:
    sums = FileSums(Cache(tmp_path / "cache"))
    path = save("a.safetensors", {"w": torch.ones(3)})
    assert found(path, sums).origin == "file"
    assert found(path, sums).origin == "file"


def test_shards_are_known_together(save: Save, sums: FileSums, tmp_path: Path) -> None:
    for name in "ab":
        save(f"{name}.safetensors", {name: torch.ones(3)})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}')
    first = found(index, sums)
    assert found(index, sums) == FileSum(first.sha256, "cache")
    (tmp_path / "b.safetensors").touch()
    assert found(index, sums) == FileSum(first.sha256, "file")


def test_a_spoiled_entry_is_none(save: Save, sums: FileSums) -> None:
    path = save("a.safetensors", {"w": torch.ones(3)})
    found(path, sums)
    sums.cache.keep(file_sums.KIND, file_sums.appearance([path])[0], b"no sum")
    assert found(path, sums) == FileSum(expected(path), "file")
