"""Calls of analyses: what they compute, write, refuse and record."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import lmctool
from lmctool.errors import ExitCode
from lmctool.testing import invoke, metrics, tiny_pair

Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return tiny_pair(tmp_path_factory.mktemp("pair"), steps=20)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_call_gives_the_numbers_of_its_command_and_writes_nothing(pair: Pair) -> None:
    found = lmctool.barrier(*pair, align="weight", repair="closed-form", points=3, restarts=1)
    words = ("--align", "weight", "--repair", "closed-form", "--points", "3", "--restarts", "1")
    assert dict(found.metrics) == metrics("barrier", *pair, *words)
    assert list(Path.cwd().iterdir()) == []
    assert found.path is None


def test_the_record_of_a_call_is_a_command_that_can_be_run_again(pair: Pair) -> None:
    found = lmctool.interpolate(*pair, points=3, split="test", limit=200, model_arg={"width": 16})
    found.save("call.h5")
    command = f"lmctool interpolate {pair[0]} {pair[1]} --points 3 --split test --limit 200"
    assert found.provenance["command"] == f"{command} --model-arg width=16"
    done = invoke("rerun", "call.h5")
    assert done.exit_code == ExitCode.DONE, done.output
    assert "agree bit for bit" in done.stdout


def test_out_writes_what_the_command_writes(pair: Pair) -> None:
    found = lmctool.align(*pair, aligner="weight", out="call")
    assert found.path == Path("call.h5")
    assert {path.name for path in Path.cwd().iterdir()} == {
        "call.h5",
        "call.png",
        "call.safetensors",
    }
    assert invoke("align", *pair, "--aligner", "weight", "-o", "command.h5").exit_code == 0
    assert Path("call.safetensors").read_bytes() == Path("command.safetensors").read_bytes()
    assert dict(lmctool.open("call.h5").metrics) == dict(lmctool.open("command.h5").metrics)


def test_numbers_are_the_same_in_a_callback_of_training(pair: Pair) -> None:
    net = lmctool.load_model(pair[0])
    found = lmctool.barrier(net, pair[1], align="weight", points=3, limit=50, data="digits")
    with torch.inference_mode():
        again = lmctool.barrier(net, pair[1], align="weight", points=3, limit=50, data="digits")
    assert dict(again.metrics) == dict(found.metrics)


def test_an_existing_file_is_refused_and_may_be_replaced(pair: Pair) -> None:
    Path("call.h5").write_text("mine")
    with pytest.raises(lmctool.LmctoolError, match=r"'call\.h5' exists"):
        lmctool.distance(*pair, out="call.h5")
    assert Path("call.h5").read_text() == "mine"
    assert lmctool.distance(*pair, out="call.h5", force=True).path == Path("call.h5")


def test_a_result_that_is_whole_is_not_made_again(pair: Pair) -> None:
    first = lmctool.distance(*pair, out="call.h5")
    written = Path("call.h5").stat().st_mtime_ns
    again = lmctool.distance(*pair, out="call.h5", resume=True)
    assert Path("call.h5").stat().st_mtime_ns == written
    assert again.metrics == first.metrics
    assert "whole already" in again.notes[-1]


def test_what_the_command_tells_is_in_the_notes(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lmctool.barrier(*pair, points=3, limit=50)
    told = "split 'test': 50 of 449 examples, chosen in the proportions of the classes"
    assert found.notes == (told,)
    assert told in capsys.readouterr().err
    assert lmctool.barrier(*pair, points=3, limit=50, quiet=True).notes == found.notes
    assert capsys.readouterr().err == ""


def test_the_exceptions_are_those_of_exit_codes(pair: Pair) -> None:
    untrained = tiny_pair(Path.cwd())
    with pytest.raises(lmctool.UnjudgedError, match="chance") as unjudged:
        lmctool.barrier(*untrained, points=3)
    assert unjudged.value.exit_code == ExitCode.UNJUDGED
    with pytest.raises(lmctool.LmctoolError, match="2 is not in the range x>=3") as usage:
        lmctool.barrier(*pair, points=2)
    assert usage.value.exit_code == ExitCode.USAGE
    with pytest.raises(lmctool.PluginError, match="no aligner is called 'wieght'"):
        lmctool.barrier(*pair, align="wieght")
    with pytest.raises(lmctool.LmctoolError, match=r"takes two checkpoints, A and B; 1 given"):
        lmctool.barrier(pair[0])  # type: ignore[call-arg]
    with pytest.raises(lmctool.LmctoolError, match="'many' is not a valid integer"):
        lmctool.barrier(*pair, points="many")  # type: ignore[arg-type]
    with pytest.raises(lmctool.LmctoolError, match="force and resume are of files"):
        lmctool.barrier(*pair, resume=True)


def test_a_keyword_that_is_not_there_is_a_type_error_with_the_nearest(pair: Pair) -> None:
    with pytest.raises(TypeError, match=r"barrier\(\) has no keyword 'pints'; did you mean 'poi"):
        lmctool.barrier(*pair, pints=3)
    with pytest.raises(TypeError, match=r"distance\(\) has no keyword 'repair'"):
        lmctool.distance(*pair, repair=True)
    with pytest.raises(TypeError, match="no keyword 'restarts'"):  # of an aligner not in use
        lmctool.barrier(*pair, align="activation", restarts=3)
    with pytest.raises(TypeError, match="no keyword 'require'"):
        lmctool.barrier(*pair, require="barrier.error <= 2%")
