"""Saving a result from Python: the files of the command."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

import lmctool
from lmctool.checkpoint import open_checkpoint
from lmctool.cli.held_checkpoint import HeldCheckpoint
from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.notebook.result import Result
from lmctool.notebook.stored import open as open_result
from lmctool.results.equality import difference
from lmctool.results.result import NewCheckpoint
from lmctool.results.result import Result as Record
from lmctool.testing import invoke
from tests import every
from tests.every import A, B

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def aligned(made: Callable[[str], Path]) -> Result:
    """What align found, with the network that it made."""
    path = made("align")
    held = HeldCheckpoint.stored(path.with_suffix(".safetensors"))
    return Result(replace(open_result(path).record, checkpoint=held))


def test_its_files_are_those_of_the_command(
    made: Callable[[str], Path],
    aligned: Result,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    files = aligned.save(tmp_path / "again.h5")
    assert list(files) == ["result", "figure", "checkpoint"]
    assert sorted(tmp_path.iterdir()) == sorted(files.values())
    own, drawn = made("align"), every.run("align", tmp_path_factory.mktemp("drawn"))
    assert difference(open_result(files["result"]).record, open_result(own).record) is None
    assert files["checkpoint"].read_bytes() == own.with_suffix(".safetensors").read_bytes()
    assert files["figure"].read_bytes() == drawn.with_suffix(".png").read_bytes()
    assert aligned.path == files["result"]


def test_a_known_suffix_is_replaced_and_the_figure_may_be_left_out(
    found: Result, tmp_path: Path
) -> None:
    assert found.save(str(tmp_path / "a.png"), figure=False) == {"result": tmp_path / "a.h5"}
    assert found.save(tmp_path / "b.v2")["figure"] == tmp_path / "b.v2.png"
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "b.v2.h5", "b.v2.png"}


@pytest.mark.parametrize("suffix", [".h5", ".png", ".safetensors"])
def test_an_existing_file_is_refused_before_any_is_written(
    suffix: str, aligned: Result, tmp_path: Path
) -> None:
    there = tmp_path / f"a{suffix}"
    there.write_text("mine")
    with pytest.raises(LmctoolError, match="exists"):
        aligned.save(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == [there] and there.read_text() == "mine"
    aligned.save(tmp_path / "a.h5", force=True)
    assert len(list(tmp_path.iterdir())) == 3 and there.read_bytes() != b"mine"


def test_a_folder_is_refused(found: Result, tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match="is a folder; name a file in it"):
        found.save(tmp_path)


def test_a_figure_that_cannot_be_drawn_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="neither curves nor metrics to draw"):
        files = Result(Record("x", {})).save(tmp_path / "a.h5")
    assert files == {"result": tmp_path / "a.h5"}


def test_a_new_checkpoint_is_a_state_dict(made: Callable[[str], Path], aligned: Result) -> None:
    stored = load_file(made("align").with_suffix(".safetensors"))
    tensors = aligned.checkpoint
    assert tensors is not None and tensors.keys() == stored.keys()
    assert all(torch.equal(tensors[name], stored[name]) for name in stored)
    assert open_result(made("align")).checkpoint is None


def test_tensors_of_a_new_checkpoint_are_in_the_dtypes_that_are_stored(
    made: Callable[[str], Path], aligned: Result, tmp_path: Path
) -> None:
    form = open_checkpoint(made("align").with_suffix(".safetensors"))
    wide = {name: tensor.double() for name, tensor in form.weights().items()}
    held = HeldCheckpoint(wide, metadata={"lmctool.made": "here"}, form=form)
    found = Result(replace(aligned.record, checkpoint=held))
    assert found.checkpoint is not None
    assert {tensor.dtype for tensor in found.checkpoint.values()} == {torch.float32}
    written = open_checkpoint(found.save(tmp_path / "a")["checkpoint"])
    assert written.metadata["lmctool.made"] == "here"
    assert written.digest == form.digest
    bad = replace(held, weights={name: tensor / 0 for name, tensor in wide.items()})
    with pytest.raises(UnjudgedError, match=r"NaN|infinite"):
        _ = Result(replace(aligned.record, checkpoint=bad)).checkpoint


def test_a_checkpoint_like_a_folder_is_a_folder(
    made: Callable[[str], Path], aligned: Result, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    source = made("align").with_suffix(".safetensors")
    (tmp_path / "in/model.safetensors").write_bytes(source.read_bytes())
    held = HeldCheckpoint.stored(tmp_path / "in")
    found = Result(replace(aligned.record, checkpoint=held))
    assert found.save(tmp_path / "a.h5", figure=False)["checkpoint"] == tmp_path / "a"
    assert open_checkpoint(tmp_path / "a").digest == open_checkpoint(source).digest
    with pytest.raises(LmctoolError, match="exists"):
        found.save(tmp_path / "a.h5", figure=False)
    found.save(tmp_path / "a.h5", figure=False, force=True)
    assert found.save(tmp_path / "b.safetensors")["checkpoint"] == tmp_path / "b.safetensors"


def test_a_checkpoint_that_a_run_would_have_to_make_is_not_kept(found: Result) -> None:
    record = replace(found.record, checkpoint=NewCheckpoint({}, groups_after=dict))
    assert Result(record).record.checkpoint is None
    assert Result(record).checkpoint is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_result_with_a_checkpoint_can_be_copied_and_pickled(
    copied: Callable[[Result], Result], aligned: Result
) -> None:
    held, tensors = aligned.record.checkpoint, aligned.checkpoint
    assert held is not None and tensors is not None
    in_memory = Result(replace(aligned.record, checkpoint=replace(held, weights=tensors)))
    for one in (aligned, in_memory):
        other = copied(one).checkpoint
        assert other is not None
        assert all(torch.equal(other[name], tensor) for name, tensor in tensors.items())


def test_a_call_holds_the_checkpoint_that_the_command_writes(tmp_path: Path) -> None:
    words = [A, "--from", B, "--layers", "layers.0.*"]
    assert invoke("graft", *words, "-o", tmp_path / "command.h5", "-q").exit_code == 0
    options: dict[str, Any] = {"from_": B, "layers": "layers.0.*", "quiet": True}
    held = lmctool.graft(A, **options)
    held.save(tmp_path / "held.h5")
    stored = lmctool.graft(A, **options, out=tmp_path / "stored.h5")
    names = ("command", "held", "stored")
    files = [(tmp_path / f"{name}.safetensors").read_bytes() for name in names]
    assert files[0] == files[1] == files[2]
    figures = [(tmp_path / f"{name}.png").read_bytes() for name in names]
    assert figures[0] == figures[1] == figures[2]
    expected = load_file(tmp_path / "command.safetensors")
    for found in (held, stored, pickle.loads(pickle.dumps(held))):
        tensors = found.checkpoint
        assert tensors is not None and tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[name], expected[name]) for name in expected)
