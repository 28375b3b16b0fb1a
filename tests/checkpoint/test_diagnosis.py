"""What is said of files that are something else."""

from __future__ import annotations

import gzip
import os
import pickle
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

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
            "FILE is a gzip archive; unpack it",
        ),
        (b"short", "FILE is neither a safetensors file nor one that torch.save wrote"),
        (bytes(range(200)), "FILE is neither a safetensors file nor one that torch.save wrote"),
    ],
)
def test_a_file_is_known_by_its_content(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    assert error_text(path).startswith(sentence)


def archive(path: Path, *members: str) -> Path:
    """Write a zip archive of empty members."""
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, b"")
    return path


def test_archives_of_other_kinds_are_told_with_what_to_do(tmp_path: Path) -> None:
    script = archive(tmp_path / "a.pt", "a/data.pkl", "a/code/__torch__.py", "a/constants.pkl")
    np.savez(tmp_path / "a.npz", w=np.ones(2))
    for path, sentence in (
        (script, "FILE is a TorchScript archive, whose code lmctool never runs; save the tensors"),
        (tmp_path / "a.npz", "FILE is a NumPy archive; load it where it was written"),
        (
            archive(tmp_path / "a.keras", "config.json", "model.weights.h5"),
            "FILE is a model of",
        ),
        (archive(tmp_path / "a.pt2", "a/archive_format"), "FILE is a program of torch.export;"),
        (archive(tmp_path / "a.zip", "a/b.txt"), "FILE is a zip archive without a checkpoint"),
    ):
        assert error_text(path).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.h5", b"\x89HDF\r\n\x1a\n", "FILE is an HDF5 file, as Keras writes its weights; load"),
        ("a.gguf", b"GGUF\3\0\0\0", "FILE is a GGUF file of llama.cpp, mostly quantized; load it"),
        ("a.onnx", b"\x08\x07\x12\x07pytorch", "FILE is an ONNX graph; load it where it was"),
        (
            "a.msgpack",
            b"\x81\xa6params",
            "FILE is a msgpack file, as Flax writes its weights",
        ),
        ("a.tar", bytes(257) + b"ustar\x0000", "FILE is a tar archive; unpack it"),
        ("__0_0.distcp", b"\x93", "FILE is one part of a distributed checkpoint (DCP); load it"),
        ("a.pt", b"plain text", "FILE is neither a safetensors file nor one that torch.save wrote"),
        ("a.pkl", pickle.dumps({"w": 1}), "FILE is a pickle, but none that torch.save wrote"),
        (
            "a.pt",
            b"\x80\x02abc",
            "FILE is damaged, or is no PyTorch file of tensors; copy",
        ),
        ("a.pt", b"PK\x03\x04" + bytes(50), "FILE is damaged, or is no PyTorch file of tensors"),
    ],
)
def test_files_of_other_formats_are_told_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert error_text(tmp_path / name).startswith(sentence)


def test_a_distributed_checkpoint_is_told_with_the_program_that_makes_one_file(
    tmp_path: Path,
) -> None:
    for name in (".metadata", "__0_0.distcp", "__1_0.distcp"):
        (tmp_path / name).write_bytes(b"\x80\x02")
    assert error_text(tmp_path) == (
        "folder FILE is a distributed checkpoint (DCP); make one file of it, with"
        " python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER OUT.pt"
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert error_text(tmp_path / "none.safetensors") == "checkpoint FILE does not exist"
    (tmp_path / "file").touch()
    assert error_text(tmp_path / "file" / "a.safetensors") == "checkpoint FILE does not exist"


def test_a_name_too_long_is_told(tmp_path: Path) -> None:
    assert error_text(tmp_path / ("x" * 300)).startswith("checkpoint FILE cannot be read")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert error_text(tmp_path / "pipe") == "FILE is not a regular file"
