"""Whole commands on an emulated GPU: the numbers of the CPU, bit for bit or but for rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool.api import as_dataset
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.results.value_diff import deviations
from lmctool.testing import invoke, save
from lmctool_plugins.datasets import digits
from tests import every
from tests.emulated_gpu import gpu
from tests.every import FEW, A, B

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATH = (A, B, "--points", "3", *FEW)
JOBS: dict[str, tuple[str, ...]] = {
    "barrier": ("barrier", *every.WORDS["barrier"]),
    "weight": ("barrier", *PATH, "--align", "weight", "--restarts", "1"),
    "midpoint": ("align", A, B, "--aligner", "midpoint", "--steps", "2", "--batch", "40", *FEW),
    "closed-form": ("barrier", *PATH, "--repair", "closed-form"),
    "float64": ("barrier", *PATH, "--align", "--dtype", "float64"),
    "plain": ("interpolate", *PATH, "--strategy", "plain"),
    "measure": ("interpolate", *PATH, "--strategy", "measure"),
    "curve": ("curve", *PATH, "--curve-steps", "4", "--curve-batch", "40"),
    "el2n": ("el2n", *every.WORDS["el2n"]),
    "layerwise": ("layerwise", *every.WORDS["layerwise"]),
    "merge": ("merge", *every.WORDS["merge"]),
    "sharpness": ("sharpness", *every.WORDS["sharpness"]),
    "similarity": ("similarity", *every.WORDS["similarity"]),
    "plane": ("plane", *every.WORDS["plane"]),
    "soup": ("merge", A, B, "--method", "greedy-soup", "--calibrate-temperature", *FEW),
    "variance": ("variance", *every.WORDS["variance"]),
}

TO_THE_BIT = frozenset({"weight", "plain", "el2n", "layerwise"})
"""Those that take no statistics, which a GPU takes by other kernels and in larger batches."""
ROUNDING = 1e-6


@pytest.fixture
def emulated() -> Iterator[gpu.Gpu]:
    """A GPU beside one that is never used."""
    with pytest.MonkeyPatch.context() as patch:
        yield gpu.install(patch)


@pytest.fixture
def on_both(emulated: gpu.Gpu, tmp_path: Path) -> Callable[..., tuple[float, Provenance]]:
    """Run a command on both; return the greatest difference, and the record of the GPU's run."""

    def run(*words: str | Path) -> tuple[float, Provenance]:
        results = {"cpu": tmp_path / "cpu.h5", gpu.NAME: tmp_path / "gpu.h5"}
        done = invoke(*words, "--device", "cpu", "-o", results["cpu"])
        assert done.exit_code == 0, done.output
        with emulated.on():
            done = invoke(*words, "--device", gpu.NAME, "-o", results[gpu.NAME])
        assert done.exit_code == 0, done.output
        first, second = map(read, results.values())
        greatest = max((each.greatest for each in deviations(first, second)), default=0.0)
        return greatest, Provenance.of(second)

    return run


@pytest.mark.parametrize("job", JOBS)
def test_a_command_gives_the_numbers_of_the_cpu(
    job: str, on_both: Callable[..., tuple[float, Provenance]]
) -> None:
    difference, record = on_both(*JOBS[job])
    assert difference == 0 if job in TO_THE_BIT else difference < ROUNDING
    assert record.settings["device"] == gpu.NAME
    if job in {"barrier", "closed-form", "layerwise", "merge", "float64"}:
        assert record.settings["strategy"] == "graphs, contiguous"


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["without room", "with room"])
def test_data_in_a_file_give_the_numbers_of_the_cpu(
    share: float,
    on_both: Callable[..., tuple[float, Provenance]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lmctool.data.placement.HELD", 0)
    monkeypatch.setattr("lmctool.data.placement.SHARE", share)
    stored = {split: digits.load(split == "train") for split in ("train", "test")}
    arrays = {f"x_{split}": each.inputs for split, each in stored.items()}
    arrays |= {f"y_{split}": each.targets for split, each in stored.items()}
    np.savez(tmp_path / "data.npz", **arrays)
    words = ("--data", tmp_path / "data.npz", "--align", "--repair", "--allow-chance")
    difference, record = on_both("barrier", *PATH, *words)
    assert difference < ROUNDING
    assert record.settings["strategy"] == "graphs, contiguous"


def resnets(folder: Path) -> list[Path]:
    paths = []
    for seed in range(2):
        torch.manual_seed(seed)
        module = registry.load(MODELS, "resnet20").build("resnet20", channels=1)
        for name, parameter in module.named_parameters():
            if name.endswith("bias"):  # so that no unit is dead: such ones are alike to each other
                torch.nn.init.constant_(parameter, 1.0)
        path = folder / f"resnet{seed}.safetensors"
        paths.append(save(path, module, model="resnet20", arguments={"channels": 1}))
    return paths


def test_a_resnet_is_aligned_and_its_statistics_reset(
    on_both: Callable[..., tuple[float, Provenance]], tmp_path: Path
) -> None:
    few = ("--limit", "8", "--calib-size", "20", "--calib-batch", "10", "--points", "3")
    words = ("--align", "--repair", "--batchnorm", "reset", "--allow-chance", "--batch-size", "4")
    difference, record = on_both("barrier", *resnets(tmp_path), *few, *words)
    assert difference < 10 * ROUNDING  # untrained networks: losses of up to 14
    assert record.settings["strategy"] == "graphs, contiguous"


def test_memory_that_runs_out_halves_the_batch_and_no_number(
    emulated: gpu.Gpu, on_both: Callable[..., tuple[float, Provenance]], tmp_path: Path
) -> None:
    emulated.kernels.limit = 40 * 16 * 8 * 8 * 4  # an activation of 40 examples
    few = ("--points", "3", "--limit", "100", "--split", "test", "--allow-chance")
    difference, record = on_both("interpolate", *resnets(tmp_path), *few)
    assert record.settings["batch_size"] == 32
    assert difference < 1e-5


def test_waits_for_the_gpu_grow_with_networks_and_never_with_batches(
    emulated: gpu.Gpu, tmp_path: Path
) -> None:
    def waits(points: int, batch: int) -> int:
        words = ("--points", str(points), "--batch-size", str(batch), *FEW, "--force")
        emulated.kernels.waits.clear()
        with emulated.on():
            done = invoke(
                "interpolate", A, B, *words, "--device", gpu.NAME, "-o", tmp_path / "i.h5"
            )
        assert done.exit_code == 0, done.output
        return emulated.kernels.waits.total()

    assert waits(5, 5) == waits(5, 20)  # of several, the first and the last are checked
    assert waits(9, 40) - waits(5, 40) <= 4  # each network is kept for --resume by one copy


def test_data_that_lies_on_a_gpu_is_that_of_the_host(emulated: gpu.Gpu) -> None:
    images = digits.load(train=False)
    x, y = (torch.from_numpy(part[:40]) for part in (images.inputs, images.targets))
    with emulated.on():
        there = as_dataset((x.to(gpu.NAME), y.to(gpu.NAME)), "there").splits["test"]()
    here = as_dataset((x, y), "here").splits["test"]()
    np.testing.assert_array_equal(np.asarray(there.inputs[:]), np.asarray(here.inputs[:]))
    np.testing.assert_array_equal(there.targets, here.targets)
