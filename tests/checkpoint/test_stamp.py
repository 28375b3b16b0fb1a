"""Stamping: more metadata, the same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.header import read_header
from lmctool.checkpoint.stamp import model_metadata, stamp, typed_value
from lmctool.cli.commands.stamp import command
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from .conftest import Save


@pytest.fixture
def plain(save: Save, tensors: dict[str, Tensor]) -> Path:
    """Write a checkpoint of wrapped tensors with some metadata of its own."""
    stored = {f"module.{name}": value for name, value in tensors.items()}
    return save("in.safetensors", {**stored, "n_averaged": torch.tensor(3)}, {"k": "v"})


def test_the_tensors_stay_byte_for_byte(plain: Path, tmp_path: Path) -> None:
    before, target = plain.read_bytes(), tmp_path / "out.safetensors"
    stamp(plain, target, {"lmctool.data": "digits", "k": "näw"})
    old, new = read_header(plain), read_header(target)
    assert target.read_bytes()[new.start :] == before[old.start :]
    assert new.entries == old.entries
    assert new.metadata == {"format": "pt", "k": "näw", "lmctool.data": "digits"}
    assert new.start % 8 == 0
    assert plain.read_bytes() == before


def test_shards_become_one_file(save: Save, tensors: dict[str, Tensor], tmp_path: Path) -> None:
    names = list(tensors)
    save("hf/a.safetensors", {name: tensors[name] for name in names[:3]})
    save("hf/b.safetensors", {name: tensors[name] for name in names[3:]})
    weight_map = {name: "ab"[position >= 3] + ".safetensors" for position, name in enumerate(names)}
    index = tmp_path / "hf" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    target = tmp_path / "out.safetensors"
    stamp(tmp_path / "hf", target, {"k": "v"})
    assert open_checkpoint(target).digest == open_checkpoint(index).digest
    assert torch.equal(open_checkpoint(target).tensor("mask"), tensors["mask"])


def test_a_file_of_pytorch_becomes_safetensors(tmp_path: Path) -> None:
    tensors = {"mask": torch.tensor([True, False, True]), "w": torch.arange(6.0).reshape(2, 3).T}
    torch.save({"model": tensors, "epoch": 3}, tmp_path / "a.pt")
    stamp(tmp_path / "a.pt", tmp_path / "out.safetensors", {"k": "v"})
    written = open_checkpoint(tmp_path / "out.safetensors")
    assert written.digest == open_checkpoint(tmp_path / "a.pt").digest
    assert torch.equal(written.tensor("w"), tensors["w"])
    assert written.locations["w"].offset % 4 == 0
    assert written.metadata["k"] == "v"


@pytest.mark.parametrize("linked", [True, False])
def test_the_input_is_never_written_over(plain: Path, tmp_path: Path, linked: bool) -> None:
    target = tmp_path / "link.safetensors" if linked else plain
    if linked:
        target.symlink_to(plain)
    with pytest.raises(LmctoolError, match=r"is the input itself; choose another with -o"):
        stamp(plain, target, {"k": "v"}, force=True)


def test_an_existing_output_needs_force(plain: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.safetensors"
    target.write_text("old")
    with pytest.raises(LmctoolError, match=r"exists; choose another with -o, or pass --force"):
        stamp(plain, target, {"k": "v"})
    stamp(plain, target, {"k": "v"}, force=True)
    assert open_checkpoint(target).metadata["k"] == "v"


def test_a_failure_leaves_nothing(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lmctool.checkpoint.stamp._verify", interrupt)
    with pytest.raises(KeyboardInterrupt):
        stamp(plain, tmp_path / "out.safetensors", {"k": "v"})
    assert list(tmp_path.iterdir()) == [plain]


def test_values_are_typed() -> None:
    texts = ["2", "-3", "0.5", "1e-3", ".5", "true", "False", "batch", "1e999", "nan", "1_0", ""]
    typed = [2, -3, 0.5, 0.001, 0.5, True, False, "batch", "1e999", "nan", "1_0", ""]
    assert [typed_value(text) for text in texts] == typed
    assert [type(typed_value(text)) for text in texts] == [type(value) for value in typed]


@pytest.mark.parametrize(
    "spec",
    ["os.path:join", "./net.py:make", "/etc/x", "resnet7", "", "mlp x", "timm:../x", "timm:a/b"],
)
def test_a_file_may_only_name_registered_models(spec: str) -> None:
    with pytest.raises(LmctoolError, match=r"can only be stamped with a registered model, not"):
        model_metadata(spec, {})


def test_a_registered_family_may_take_a_name() -> None:
    assert model_metadata("timm:resnet18", {})["lmctool.model"] == "timm:resnet18"


def test_the_command_writes_what_resolution_reads(plain: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.safetensors"
    model = ["--model", "resnet20", "--model-arg", "width=2", "--model-arg", "norm=batch"]
    others = ["--data", "digits", "--meta", "note=a=b"]
    result = CliRunner().invoke(command, [str(plain), "-o", str(target), *model, *others])
    assert result.exit_code == 0, result.output
    metadata = open_checkpoint(target).metadata
    assert metadata["lmctool.model"] == "resnet20"
    assert json.loads(metadata["lmctool.model_arguments"]) == {"width": 2, "norm": "batch"}
    assert (metadata["lmctool.data"], metadata["note"]) == ("digits", "a=b")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "nothing to stamp"),
        (["--model-arg", "a=1"], "--model-arg needs --model"),
        (["--meta", "a"], "--meta takes K=V, not 'a'"),
        (["--meta", "a=1", "--meta", "a=2"], "--meta gives 'a' twice"),
        (["--meta", "lmctool.model=os:system"], "--meta cannot set 'lmctool.model'"),
        (["--data", "./secret.npz"], "registered dataset, not './secret.npz'"),
        (["--data", "arrays:./secret.npz"], "registered dataset, not 'arrays:./secret.npz'"),
        (["--model", "os:system"], "registered model, not 'os:system'"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    plain: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    target = tmp_path / "out.safetensors"
    result = CliRunner().invoke(command, [str(plain), "-o", str(target), *options])
    assert isinstance(result.exception, LmctoolError)
    assert told in str(result.exception)
    assert list(tmp_path.iterdir()) == [plain]
