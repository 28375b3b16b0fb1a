"""Files of PyTorch to safetensors, without running them."""

from __future__ import annotations

import json
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch
from click.testing import CliRunner

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.convert import convert
from lmctool.checkpoint.tensor_location import TensorLocation
from lmctool.cli.commands.convert import command
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import Naming
from tests.checkpoint.pytorch_files import STATE, pickled

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from torch import Tensor

    from .conftest import Save


def error_text(source: Path, key: str | None = None) -> str:
    """Return why a file is not converted, and see that nothing was written."""
    with pytest.raises(LmctoolError) as caught:
        convert(source, source.parent / "out.safetensors", Naming(key=key))
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


def test_tied_and_strided_tensors_are_written_in_full(tmp_path: Path) -> None:
    base = torch.arange(6.0).reshape(2, 3)
    content = {"a": base, "tied": base, "turned": base.T, "row": base[1]}
    target = tmp_path / "out.safetensors"
    convert(pickled(tmp_path, content), target)
    written = safetensors.torch.load_file(target)
    assert all(torch.equal(written[name], content[name]) for name in content)


def test_the_converted_file_has_the_digest_and_the_step_of_its_source(tmp_path: Path) -> None:
    content = {"state_dict": {"module.w": torch.ones(2, 3).T}, "global_step": 7, "epoch": 2}
    source, target = pickled(tmp_path, content), tmp_path / "out.safetensors"
    assert convert(source, target) == ("global_step", "epoch")
    assert open_checkpoint(target).digest == open_checkpoint(source).digest
    assert open_checkpoint(target).metadata == {
        "format": "pt",
        "lmctool.training": '{"step": 7, "epoch": 2}',
    }


def test_a_key_chooses_the_state_dict(tmp_path: Path) -> None:
    content = {"model": STATE, "ema": {"shadow": {"w": torch.zeros(4)}}}
    target = tmp_path / "out.safetensors"
    assert convert(pickled(tmp_path, content), target, Naming(key="ema.shadow")) == ("model",)
    assert torch.equal(open_checkpoint(target).tensor("w"), torch.zeros(4))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "FILE is empty; copy it again"),
        (b"<html></html>", "FILE is an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "FILE is a git-lfs pointer"),
        (b"plain text", "FILE is neither a safetensors file nor one that torch.save wrote"),
        (bytes([2, *bytes(7)]) + b"{}", "FILE is a safetensors file already"),
    ],
)
def test_a_file_that_is_no_pickle_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "in.pt").write_bytes(content)
    assert error_text(tmp_path / "in.pt").startswith(sentence)


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


def run(*words: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, [str(word) for word in words])


def make_run(folder: Path) -> None:
    """Write what a training run leaves: checkpoints in files and a folder, and what else."""
    (folder / "run/checkpoint-30").mkdir(parents=True)
    for step in (10, 20):
        content = {"model": {"w": torch.full((2,), float(step))}, "args": 1}
        torch.save(content, folder / f"run/net-step{step}.pt")
    torch.save({"w": torch.ones(2)}, folder / "run/checkpoint-30/pytorch_model.bin")
    torch.save({"state": {0: {"exp_avg": torch.ones(2)}}}, folder / "run/opt-step10.pt")
    torch.save({"state": {}}, folder / "run/optimizer.pt")
    safetensors.torch.save_file({"w": torch.ones(2)}, folder / "run/net-step5.safetensors")


@pytest.mark.parametrize("form", ["argument", "option"])
def test_a_folder_is_converted_file_by_file(tmp_path: Path, form: str) -> None:
    make_run(tmp_path)
    out = tmp_path / "out"
    result = run(tmp_path / "run", *(["-o"] * (form == "option")), out)
    names = ["checkpoint-30.safetensors", "net-step10.safetensors", "net-step20.safetensors"]
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [str(out / name) for name in names]
    passed_over, left_out = result.stderr.splitlines()[1], result.stderr.splitlines()[0]
    assert left_out == "left out: args"
    assert passed_over.startswith(f"passed over: '{tmp_path / 'run/opt-step10.pt'}' holds no state")
    assert sorted(path.name for path in out.iterdir()) == names
    assert torch.equal(open_checkpoint(out / names[2]).tensor("w"), torch.full((2,), 20.0))


def test_patterns_and_several_files_are_converted(tmp_path: Path) -> None:
    make_run(tmp_path)
    (tmp_path / "out").mkdir()
    assert run("-q", tmp_path / "run/net-*", tmp_path / "out").output == ""
    assert len(list((tmp_path / "out").iterdir())) == 2
    files = [tmp_path / f"run/net-step{step}.pt" for step in (10, 20)]
    refused = run(*files, tmp_path / "out").exception
    assert "net-step10.safetensors' exists; choose another with -o, or pass --force" in str(refused)
    assert run(*files, tmp_path / "out", "--force").exit_code == 0
    assert "several files cannot become" in str(run(*files, tmp_path / "a.safetensors").exception)


def test_shards_become_one_file(tmp_path: Path) -> None:
    for number, name in enumerate("ab", start=1):
        torch.save({name: torch.ones(number)}, tmp_path / f"pytorch_model-0000{number}.bin")
    weight_map = {name: f"pytorch_model-0000{i}.bin" for i, name in enumerate("ab", start=1)}
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    for source, target in ((index, tmp_path / "one.safetensors"), (tmp_path, tmp_path / "out")):
        assert run(source, target).exit_code == 0
    for path in (tmp_path / "one.safetensors", tmp_path / "out/model.safetensors"):
        assert open_checkpoint(path).shapes == {"a": (1,), "b": (2,)}


def test_a_run_that_is_safetensors_already_is_told(tmp_path: Path) -> None:
    safetensors.torch.save_file(STATE, tmp_path / "a.safetensors")
    result = run(tmp_path, tmp_path / "out")
    assert "nothing was converted: there is no file of PyTorch" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_one_argument_alone_is_told(tmp_path: Path) -> None:
    assert "convert takes IN and OUT" in run(tmp_path / "in.pt").output


def test_a_tensor_that_is_called_like_the_metadata_is_told(tmp_path: Path) -> None:
    source = pickled(tmp_path, {"__metadata__": torch.ones(2)})
    assert "cannot hold a tensor called '__metadata__'" in error_text(source)


def test_a_large_file_is_converted_one_tensor_at_a_time(tmp_path: Path) -> None:
    content = {f"w{number}": torch.ones(1 << 12) for number in range(16)}
    source, target = pickled(tmp_path, content), tmp_path / "out.safetensors"
    del content
    alive: list[int] = []
    make = TensorLocation.tensor

    def counted(location: TensorLocation) -> Tensor:
        tensor = make(location)
        weakref.finalize(tensor, alive.pop)
        alive.append(1)
        assert len(alive) == 1
        return tensor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TensorLocation, "tensor", counted)
        convert(source, target)


def test_names_are_changed_where_it_is_asked(tmp_path: Path) -> None:
    content = {"state_dict": {"model.0.w": torch.ones(2), "loss.w": torch.zeros(1)}, "epoch": 1}
    source = pickled(tmp_path, content)
    words = ["--strip", "model", "--rename", "0=first", "--ignore", "loss.*"]
    done = CliRunner().invoke(command, [str(source), str(tmp_path / "out.safetensors"), *words])
    assert done.exit_code == 0, done.output
    assert "left out: epoch, loss.w" in done.output
    assert open_checkpoint(tmp_path / "out.safetensors").names == ("first.w",)
    with pytest.raises(LmctoolError, match=r"--strip 'net' fits no tensor"):
        convert(source, tmp_path / "other.safetensors", Naming(strip=("net",)))
