"""What is said of files that are something else."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.checkpoint import open_checkpoint
from lmctool.errors import ExitCode, LmctoolError

if TYPE_CHECKING:
    from pathlib import Path


def error_text(path: Path) -> str:
    """Return what is said of a path that is no checkpoint, without the path."""
    with pytest.raises(LmctoolError) as caught:
        open_checkpoint(path)
    assert caught.value.exit_code == ExitCode.USAGE
    return str(caught.value).replace(f"'{path}'", "FILE")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "FILE is empty; copy it again"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "FILE is a git-lfs pointer, not the file itself; run git lfs pull",
        ),
        (
            b"\n<!DOCTYPE html><html><body>Sign in</body></html>",
            "FILE is an HTML page, not a checkpoint; download the file itself",
        ),
        (
            gzip.compress(b"x" * 99, mtime=0),
            "FILE is not a safetensors file but a gzip archive; unpack it",
        ),
        (b"short", "FILE is not a safetensors file"),
        (bytes(range(200)), "FILE is not a safetensors file"),
    ],
)
def test_a_file_is_known_by_its_content(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    assert error_text(path).startswith(sentence)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_sent_to_convert(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "a.pt"
    torch.save({"w": torch.ones(2)}, path, _use_new_zipfile_serialization=zipped)
    assert error_text(path) == (
        "FILE is a PyTorch pickle, not a safetensors file; convert it first:"
        f" lmctool convert {path} a.safetensors"
    )


def test_a_numpy_archive_is_not_sent_to_convert(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.ones(2))
    assert error_text(tmp_path / "a.npz").startswith("FILE is a NumPy archive")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert error_text(tmp_path / "none.safetensors") == "checkpoint FILE does not exist"
    (tmp_path / "file").touch()
    assert error_text(tmp_path / "file" / "a.safetensors") == "checkpoint FILE does not exist"


def test_a_name_too_long_is_told(tmp_path: Path) -> None:
    assert error_text(tmp_path / ("x" * 300)).startswith("checkpoint FILE cannot be read")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert error_text(tmp_path / "pipe") == "FILE is not a regular file"
