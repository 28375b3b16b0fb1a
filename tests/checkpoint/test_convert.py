"""Pickles to safetensors, without running them."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.torch
import torch
from click.testing import CliRunner

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.convert import convert
from lmctool.cli.commands.convert import command
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from .conftest import Save

STATE = {"w": torch.arange(4.0), "b": torch.ones(2, dtype=torch.bfloat16)}


class Trap:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        """Remember which folder."""
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what loading would call."""
        return os.mkdir, (self.path,)


def pickled(folder: Path, content: object, zipped: bool = True) -> Path:
    """Write what torch.save writes."""
    path = folder / "in.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def error_text(source: Path, key: str | None = None) -> str:
    """Return why a file is not converted, and see that nothing was written."""
    with pytest.raises(LmctoolError) as caught:
        convert(source, source.parent / "out.safetensors", key)
    assert [path.name for path in source.parent.iterdir()] == [source.name]
    return str(caught.value).replace(f"'{source}'", "FILE")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_keeps_names_dtypes_and_bytes(
    tmp_path: Path, tensors: dict[str, Tensor], save: Save, zipped: bool
) -> None:
    source, target = pickled(tmp_path, OrderedDict(tensors), zipped), tmp_path / "out.safetensors"
    assert convert(source, target) == ()
    assert open_checkpoint(target).digest == open_checkpoint(save("b.safetensors", tensors)).digest
    assert open_checkpoint(target).metadata == {"format": "pt"}


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "net", "ema"])
def test_the_only_state_dict_inside_is_found(tmp_path: Path, key: str) -> None:
    content = {key: {**STATE, "note": "text"}, "epoch": 3, "optimizer": {"state": {0: STATE}}}
    target = tmp_path / "out.safetensors"
    assert convert(pickled(tmp_path, content), target) == (f"{key}.note", "epoch", "optimizer")
    assert open_checkpoint(target).names == ("b", "w")


def test_several_state_dicts_are_listed_and_key_chooses(tmp_path: Path) -> None:
    content = {"model": STATE, "ema": {"w": torch.zeros(4)}, "step": torch.tensor(1)}
    source, target = pickled(tmp_path, content), tmp_path / "out.safetensors"
    assert error_text(source) == "FILE holds several state dicts; --key can be ., model, ema"
    assert error_text(source, "net") == "FILE has no entry 'net'; --key can be ., model, ema"
    assert error_text(source, "step").startswith("entry 'step' of FILE is no state dict")
    convert(source, target, "ema")
    assert torch.equal(open_checkpoint(target).tensor("w"), torch.zeros(4))
    convert(source, target, ".", force=True)
    assert open_checkpoint(target).names == ("step",)


def test_a_key_may_lie_deeper(tmp_path: Path) -> None:
    target = tmp_path / "out.safetensors"
    convert(pickled(tmp_path, {"ema": {"shadow": STATE}}), target, "ema.shadow")
    assert open_checkpoint(target).names == ("b", "w")


def test_tied_and_strided_tensors_are_written_in_full(tmp_path: Path) -> None:
    base = torch.arange(6.0).reshape(2, 3)
    content = {"a": base, "tied": base, "turned": base.T, "row": base[1]}
    target = tmp_path / "out.safetensors"
    convert(pickled(tmp_path, content), target)
    written = safetensors.torch.load_file(target)
    assert all(torch.equal(written[name], content[name]) for name in content)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_pickle_is_refused_unrun(tmp_path: Path, zipped: bool) -> None:
    trap = tmp_path / "sprung"
    assert error_text(pickled(tmp_path, {"w": STATE["w"], "x": Trap(trap)}, zipped)) == (
        "FILE needs 'posix.mkdir' to be run, which lmctool never does;"
        " save the state dict alone, with torch.save(model.state_dict(), ...)"
    )
    assert not trap.exists()


def test_a_malicious_plain_pickle_is_refused_unrun(tmp_path: Path) -> None:
    (tmp_path / "in.pt").write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol=2))
    assert "FILE needs 'posix.mkdir' to be run" in error_text(tmp_path / "in.pt")


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    assert "needs 'torch.nn.modules.linear.Linear' to be run" in error_text(
        pickled(tmp_path, torch.nn.Linear(2, 2))
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "FILE is empty; copy it again"),
        (b"<html></html>", "FILE is an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "FILE is a git-lfs pointer"),
        (b"plain text", "FILE is damaged, or is no PyTorch file"),
        (b"\x80\x02abc", "FILE is damaged, or is no PyTorch file"),
        (b"PK\x03\x04" + bytes(50), "FILE is damaged, or is no PyTorch file"),
        (bytes([2, *bytes(7)]) + b"{}", "FILE is a safetensors file already"),
    ],
)
def test_a_file_that_is_no_pickle_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "in.pt").write_bytes(content)
    assert error_text(tmp_path / "in.pt").startswith(sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([STATE], "FILE holds a list where a state dict is due"),
        ({"epoch": 3}, "FILE holds no state dict; its top-level entries are epoch"),
        ({}, "FILE holds no state dict; its top-level entries are none"),
        ({"w": torch.eye(2).to_sparse()}, "tensor 'w' of FILE cannot be stored as safetensors"),
        ({"w": torch.ones(1, dtype=torch.complex128)}, "tensor 'w' of FILE cannot be stored"),
    ],
)
def test_a_pickle_without_state_dict_is_told(
    tmp_path: Path, content: object, sentence: str
) -> None:
    assert error_text(pickled(tmp_path, content)).startswith(sentence)


def test_the_command_notes_what_it_leaves_out(tmp_path: Path) -> None:
    source, target = pickled(tmp_path, {**STATE, "note": 1}), tmp_path / "out.safetensors"
    result = CliRunner().invoke(command, [str(source), str(target)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{target}\n"
    assert result.stderr == "left out: note\n"
    again = CliRunner().invoke(command, [str(source), str(target)])
    assert isinstance(again.exception, LmctoolError)
    assert CliRunner().invoke(command, [str(source), str(target), "--force"]).exit_code == 0


def test_the_output_is_safetensors(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=r"must be a file whose name ends in .safetensors"):
        convert(pickled(tmp_path, STATE), tmp_path / "out.pt")


def test_a_view_that_is_larger_than_its_file_is_refused(tmp_path: Path) -> None:
    path = pickled(tmp_path, {"w": torch.zeros(1).expand(2**40)})
    assert error_text(path).startswith("FILE has ")
    assert error_text(path).endswith("but claims tensors of 4398046511104")


def test_a_pickle_whose_key_takes_years_to_hash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.pt"
    pickle_of_key = b"\x80\x02}(K\x01t" + b"q\x00h\x00\x86" * 60 + b"K\x01s."
    with zipfile.ZipFile(path, "w") as file:
        for name, content in (
            ("data.pkl", pickle_of_key),
            ("version", b"3"),
            ("byteorder", b"little"),
        ):
            file.writestr(f"archive/{name}", content)
    assert error_text(path) == "FILE is damaged: it makes its reader run without end"
