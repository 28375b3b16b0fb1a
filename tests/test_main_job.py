"""The main job, as a user runs it, on the committed digits checkpoints: once as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import xarray
from safetensors.torch import load_file

from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.testing import invoke

ROOT = Path(__file__).parent.parent
A, B = (ROOT / "examples/digits" / f"{end}.safetensors" for end in "ab")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("job")
    command = [
        *(sys.executable, "-m", "lmctool", "barrier", str(A), str(B), "--align", "--repair"),
        *("--split", "test,train", "--limit", "300", "--points", "5"),
        *("--json", "out.json", "-o", "out.h5"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_table_goes_to_stdout_and_the_rest_to_stderr(
    job: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = job
    assert "align+repair" in done.stdout
    assert "out.h5" in done.stdout and "out.png" in done.stdout
    assert "mlp(" in done.stderr and "metadata" in done.stderr
    assert "mlp(" not in done.stdout


def test_the_barrier_falls_with_each_step(
    job: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    metrics = json.loads((job[0] / "out.json").read_text())["metrics"]
    for name in ("loss", "error"):
        plain, align, both = (
            metrics[f"barrier.{name}[variant={variant},split=test]"]
            for variant in ("plain", "align", "align+repair")
        )
        assert plain > align > both


def test_the_result_says_everything_needed_to_make_it_again(
    job: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    with h5py.File(job[0] / "out.h5") as file:
        assert set(file) == {"barrier", "permutations", "proof", "provenance"}
        assert set(file["barrier"]) >= {"curve", "summary", "ends"}
        said = dict(file["provenance"].attrs)
        assert file["barrier/curve/loss"].shape == (3, 2, 5)
        assert file["proof/holds"][0] == 1
        assert len(file["provenance/index_split_test"]) == 300
    for key in (
        "command", "started", "finished", "seed", "device", "dtype", "precision", "model",
        "model.origin", "data", "split.test.digest", "calibration.digest", "preprocessing",
        "checkpoint.0.sha256", "checkpoint.1.digest", "batchnorm", "aligner", "correction",
        "versions.torch", "versions.lmctool",
    ):  # fmt: skip
        assert key in said, key


def test_every_reader_opens_the_file(
    job: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    netCDF4 = pytest.importorskip("netCDF4")  # noqa: N806 - the name of the library
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = xarray.open_datatree(job[0] / "out.h5", engine="h5netcdf")
        curve = tree["barrier/curve"]
        assert curve["loss"].dims == ("variant", "split", "alpha")
        midpoint = curve["error"].sel(variant="align+repair", split="test", alpha=0.5)
        assert 0 <= float(midpoint) < 0.2
        tree.close()
    with netCDF4.Dataset(job[0] / "out.h5") as file:
        assert file["barrier/curve/error"][:].shape == (3, 2, 5)


def test_show_and_plot_read_the_result(
    job: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    shown = invoke("show", job[0] / "out.h5")
    assert shown.exit_code == 0 and "align+repair" in shown.stdout
    for suffix in ("png", "svg", "pdf"):
        assert invoke("plot", job[0] / "out.h5", "-o", job[0] / f"fig.{suffix}").exit_code == 0
        assert (job[0] / f"fig.{suffix}").stat().st_size > 5000


def plain_loss(path: Path) -> float:
    """Return the test loss of a checkpoint in plain torch, without lmctool's engine."""
    module: Any = registry.load(MODELS, "mlp").build(
        "mlp", inputs=64, width=64, depth=3, classes=10
    )
    module.load_state_dict(load_file(path))
    stored = np.load(ROOT / "plugins/lmctool_plugins/datasets/digits.npz")
    images, labels = (stored[name] for name in stored.files)
    chosen = np.arange(len(labels)) % 4 == 3
    x = torch.tensor(images[chosen]).float() / 16
    inputs = (x - 0.3053) / 0.3760
    with torch.no_grad():
        outputs = module(inputs.flatten(1))
    return float(torch.nn.functional.cross_entropy(outputs, torch.tensor(labels[chosen]).long()))


def test_repair_writes_a_checkpoint_that_plain_torch_loads(tmp_path: Path) -> None:
    done = invoke("repair", A, B, "--align", "--json", "-", "-o", tmp_path / "merged.h5")
    assert done.exit_code == 0, done.stderr
    metrics = json.loads(done.stdout)["metrics"]
    inside = metrics["repair.loss[network=align+repair,split=test]"]
    assert plain_loss(tmp_path / "merged.safetensors") == pytest.approx(inside, rel=1e-4)
    assert inside < metrics["repair.loss[network=align,split=test]"]


def test_align_writes_a_checkpoint_of_the_same_function(tmp_path: Path) -> None:
    done = invoke("align", A, B, "-o", tmp_path / "aligned.safetensors")
    assert done.exit_code == 0, done.stderr
    assert "units moved" in done.stdout and "proof" in done.stdout
    aligned, b = load_file(tmp_path / "aligned.safetensors"), load_file(B)
    assert plain_loss(tmp_path / "aligned.safetensors") == pytest.approx(plain_loss(B), rel=1e-5)
    weight = "layers.0.weight"
    rows = {tuple(row) for row in aligned[weight].tolist()}
    assert rows == {tuple(row) for row in b[weight].tolist()}
    assert not torch.equal(aligned[weight], b[weight])
    again = invoke(
        *("barrier", B, tmp_path / "aligned.safetensors", "--align", "--points", "3"),
        *("--json", "-", "-o", tmp_path / "x"),
    )
    metrics = json.loads(again.stdout)["metrics"]
    assert metrics["barrier.loss[variant=align,split=test]"] == pytest.approx(0, abs=1e-6)
