"""Where the libraries of trackers may write, and a run that they observe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.results.file import read
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.results.result import Result


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the libraries write below one folder alone, reach no network, and leave no process."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    variables = {
        "DO_NOT_TRACK": "true",
        "HOME": str(home),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": (tmp_path / "mlruns").as_uri(),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_DATA_DIR": str(tmp_path / "data"),
        "WANDB_DIR": str(tmp_path),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_MODE": "offline",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tiny_pair(tmp_path)
    yield
    if wandb := sys.modules.get("wandb"):
        wandb.teardown()


WORDS = ("barrier", "a.safetensors", "b.safetensors", "--points", "3", "-q")


def observed(word: str) -> Result:
    """Run a barrier that an observer is told of, and return its result."""
    done = invoke(*WORDS, "--allow-chance", "--align", "--observer", word)
    assert (done.exit_code, "Warning" in done.stderr) == (0, False), done.output
    return read(Path("barrier.h5"))


def failed(word: str) -> None:
    """Let a run fail, networks at chance, that an observer is told of."""
    done = invoke(*WORDS, "-o", "failed", "--observer", word)
    assert (done.exit_code, "Warning" in done.stderr) == (4, False), (done.output, done.exception)
