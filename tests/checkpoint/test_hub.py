"""Checkpoints of the Hugging Face hub, from a folder laid out as its cache."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.hub import no_download
from lmctool.errors import LmctoolError
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, NEW = "0" * 40, "f" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache with two commits of a repository, the newer one of which is main."""
    place = tmp_path / "models--org--name"
    for value, commit in enumerate((OLD, NEW)):
        folder = place / "snapshots" / commit
        folder.mkdir(parents=True)
        save_file({"w": torch.full((2,), float(value))}, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"value": value}))
    for name, commit in (("main", NEW), ("v1.0", OLD)):
        (place / "refs").mkdir(exist_ok=True)
        (place / "refs" / name).write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


@pytest.mark.parametrize(
    ("revision", "value"), [("", 1), ("@main", 1), ("@v1.0", 0), (f"@{OLD}", 0)]
)
def test_a_revision_of_the_cache_is_read_and_named_by_its_commit(
    cache: Path, revision: str, value: int
) -> None:
    checkpoint = open_checkpoint(Path(f"hf://org/name{revision}"))
    assert torch.equal(checkpoint.tensor("w"), torch.full((2,), float(value)))
    assert checkpoint.config == {"value": value}
    assert checkpoint.path == Path(f"hf://org/name@{(OLD, NEW)[value]}")
    assert open_checkpoint(checkpoint.path).digest == checkpoint.digest


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("org/other", "it is not there"),
        ("org/name@v2", "it is not there"),
        ("org/name/file", "Repo id must be in the form"),
        ("", "Repo id must use alphanumeric chars"),
    ],
)
def test_what_is_not_in_the_cache_is_told(cache: Path, name: str, reason: str) -> None:
    with pytest.raises(LmctoolError) as caught:
        open_checkpoint(Path(f"hf://{name}"))
    text = str(caught.value)
    assert f"cannot be had from the cache, and HF_HUB_OFFLINE is set: {reason}" in text


def test_pickles_of_a_hub_are_not_taken(cache: Path) -> None:
    (cache / f"models--org--name/snapshots/{NEW}/model.safetensors").unlink()
    torch.save({"w": torch.ones(2)}, cache / f"models--org--name/snapshots/{NEW}/pytorch_model.bin")
    with pytest.raises(LmctoolError, match="it has no safetensors file"):
        open_checkpoint(Path("hf://org/name"))


def test_what_the_cache_lacks_is_downloaded_safetensors_alone(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    whole: Callable[..., str] = huggingface_hub.snapshot_download

    def download(name: str, *, local_files_only: bool, **others: object) -> str:
        if local_files_only:
            return whole(name, local_files_only=True, **others)
        asked.append((name, others))
        return str(cache / "models--org--name/snapshots" / NEW)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    open_checkpoint(Path("hf://org/name"))
    assert asked == []
    assert open_checkpoint(Path("hf://org/other")).path == Path(f"hf://org/other@{NEW}")
    patterns = ["*.safetensors", "*.safetensors.index.json", "config.json"]
    about = {"revision": None, "allow_patterns": patterns, "ignore_patterns": ["*/*"]}
    assert asked == [("org/other", about)]


def test_a_command_takes_checkpoints_of_a_hub_and_records_their_commits(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cache)
    result = invoke("distance", "hf://org/name@v1.0", "hf://org/name", "-o", "out.h5")
    assert result.exit_code == 0, result.output
    provenance = Provenance.of(read(cache / "out.h5"))
    recorded = [record.path for record in provenance.checkpoints.values()]
    assert recorded == [f"hf:/org/name@{OLD}", f"hf:/org/name@{NEW}"]
    again = invoke("rerun", "out.h5", "-q")
    assert again.exit_code == 0, again.output


def test_a_recorded_command_downloads_nothing_unless_it_is_trusted(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with (
        pytest.raises(LmctoolError, match="only --trust lets a record download: it is not there"),
        no_download("only --trust lets a record download"),
    ):
        open_checkpoint(Path("hf://org/other"))
    monkeypatch.chdir(cache)
    assert invoke("distance", "hf://org/name@v1.0", "hf://org/name", "-o", "out.h5").exit_code == 0
    (cache / "models--org--name/refs/v1.0").unlink()
    again = invoke("rerun", "out.h5", "-q")
    assert again.exit_code == 2
    assert "only --trust lets a record download" in again.stderr


def test_the_extra_that_is_needed_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(LmctoolError, match=r"pip install 'lmctool\[hf\]'"):
        open_checkpoint(Path("hf://org/name"))
