"""Disks that are full and memory that runs out: one sentence, and nothing half-written."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.evaluate import engine
from lmctool.results import journal
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from click.testing import Result

NETWORK = """\
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 16), nn.Linear(16, 16)])
        self.classifier = nn.Linear(16, 10)

    def forward(self, images):
        if len(images) > {most}:
            raise {error}
        seen = images.flatten(1)
        for layer in self.layers:
            seen = layer(seen).relu()
        return self.classifier(seen)
"""
CUDA = 'torch.OutOfMemoryError("CUDA out of memory")'
FAULT = 'torch.AcceleratorError("CUDA error: an illegal memory access was encountered")'
CPU = 'RuntimeError("DefaultCPUAllocator: can\'t allocate memory: you tried to allocate 9 bytes")'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with two small networks."""
    tiny_pair(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def limited(words: list[str], most: int) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no more than so many bytes to a file, as on a full disk."""
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
    command = [sys.executable, "-m", "lmctool", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["distance", "a.safetensors", "b.safetensors", "-o", "out.h5", "-q"], "out.h5"),
        (["stamp", "a.safetensors", "-o", "out.safetensors", "--meta", "k=v"], "out.safetensors"),
        (["convert", "a.pt", "out.safetensors"], "out.safetensors"),
    ],
    ids=["distance", "stamp", "convert"],
)
def test_a_full_disk_is_told(words: list[str], output: str, folder: Path) -> None:
    torch.save({"w": torch.zeros(9000)}, folder / "a.pt")
    before = sorted(folder.iterdir())
    done = limited(words, most=3000)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert f"'{output}' cannot be written: File too large" in done.stderr
    assert sorted(folder.iterdir()) == before


def run(folder: Path, most: int, error: str) -> Result:
    """Evaluate a network that holds no more than so many examples at once."""
    (folder / "network.py").write_text(NETWORK.format(most=most, error=error))
    words = ("--model", "./network.py:Network", "--points", "3", "--limit", "64", "--allow-chance")
    return invoke("interpolate", "a.safetensors", "b.safetensors", *words, "--split", "test")


@pytest.mark.parametrize("error", [CUDA, CPU, "MemoryError"], ids=["cuda", "cpu", "python"])
def test_batches_halve_until_they_fit_and_the_record_says_so(folder: Path, error: str) -> None:
    done = run(folder, 5, error)
    assert done.exit_code == 0, done.stderr
    said = Provenance.of(read(folder / "interpolate.h5")).settings
    assert said["batch_size"] == 4 and said["batch_size.before_halving"] == 64
    assert "memory ran out; batches are of 4 examples from here on" in done.stderr


@pytest.mark.parametrize(
    ("error", "instead"),
    [(CUDA, "--device cpu"), (CPU, "another --device"), ("MemoryError", "another --device")],
    ids=["cuda", "cpu", "python"],
)
def test_where_no_batch_fits_it_is_told(folder: Path, error: str, instead: str) -> None:
    done = run(folder, 0, error)
    assert done.exit_code == 2
    assert done.stderr.endswith(
        "Error: memory ran out where no batch halves by itself; try smaller ones (--batch-size,"
        " --calib-batch, an aligner's --batch), fewer examples by --limit,"
        f" {instead}, or a smaller model\n"
    )
    assert "Traceback" not in done.stderr
    assert not (folder / "interpolate.h5").exists()


def test_batches_of_statistics_do_not_halve_and_the_option_is_named(folder: Path) -> None:
    (folder / "network.py").write_text(NETWORK.format(most=64, error=CUDA))
    words = ("--model", "./network.py:Network", "--points", "3", "--limit", "64", "--allow-chance")
    done = invoke("barrier", "a.safetensors", "b.safetensors", *words, "--repair", "-q")
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: statistics of 500 examples at once do not fit in memory; lower --calib-batch, on"
        " which they depend, or try another --device\n"
    )


def test_a_gpu_that_fails_on_the_way_is_no_fault_of_the_data(folder: Path) -> None:
    done = run(folder, 0, FAULT)
    assert done.exit_code == 2
    assert done.stderr.endswith(
        "Error: the GPU failed (CUDA error: an illegal memory access was encountered); try"
        " --device cpu\n"
    )
    assert "Traceback" not in done.stderr


def test_what_was_finished_before_a_gpu_failed_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PAUSE", 0)
    score, calls = engine._scores, count()

    def failing(*arguments: Any) -> engine.Scored:
        if next(calls) == 3:
            raise torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered")
        return score(*arguments)

    monkeypatch.setattr(engine, "_scores", failing)
    words = ("interpolate", "a.safetensors", "b.safetensors", "--points", "5", "--limit", "64")
    done = invoke(*words, "--allow-chance", "-q", "--junit", "verdicts.xml")
    assert done.exit_code == 2
    assert "try --device cpu; what was finished is kept in 'interpolate.h5.work'" in done.stderr
    assert "the GPU failed (CUDA error: uncorrectable ECC" in Path("verdicts.xml").read_text()
    assert any(folder.glob("interpolate.h5.work/*"))
