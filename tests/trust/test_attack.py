"""What `make attack` found: files that are there and cannot be what they are read as."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmctool.testing import invoke, tiny_pair


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tiny_pair(tmp_path)
    return tmp_path


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("link", [dangling, circle, os.mkfifo])
@pytest.mark.parametrize("name", ["lmctool.toml", "net/config.json", "net.py"])
def test_what_steers_a_run_is_not_passed_over(name: str, link: object) -> None:
    Path("net").mkdir()
    Path("a.safetensors").rename("net/model.safetensors")
    assert callable(link)
    link(Path(name))
    words: tuple[str, ...] = ("inspect", "net")
    if name == "net.py":
        words = ("barrier", "net", "b.safetensors", "--data", "digits", "--model", "./net.py:make")
    done = invoke(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert name in done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--align", "random"), 'aligner was "weight" and is "random"'),
        (("--repair", "shift"), 'correction was null and is "shift"'),
        (("--mean", "0.1"), "preprocessing was {"),
    ],
)
def test_a_finished_result_says_which_choice_is_another(more: tuple[str, ...], said: str) -> None:
    few = ("--points", "3", "--limit", "20", "--allow-chance", "-q")
    words = ("barrier", "a.safetensors", "b.safetensors", *few, "--align", "weight", "-o", "out.h5")
    assert invoke(*words).exit_code == 0
    done = invoke(*words, "--resume", *more)
    assert done.exit_code == 2
    assert said in done.stderr
