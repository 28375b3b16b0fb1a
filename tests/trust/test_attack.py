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
