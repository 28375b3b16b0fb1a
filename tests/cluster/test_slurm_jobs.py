"""Jobs of a Slurm that is started for the tests, and of the scripts in examples/slurm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cluster.many_networks import COMMAND, arrays
from tests.cluster.slurm import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.many_networks import Arrays
    from tests.cluster.slurm import Slurm

pytestmark = pytest.mark.cluster
SCRIPTS = ROOT / "examples/slurm"


def test_tasks_with_a_gpu_each_see_different_ones(slurm: Slurm, tmp_path: Path) -> None:
    words = ("--array=0-1", "--gres=gpu:1", "--output=%a.out")
    show = "--wrap=echo $CUDA_VISIBLE_DEVICES; sleep 2"  # both are there at one time
    assert slurm.ended(slurm.submit(tmp_path, *words, show)) == {"COMPLETED"}
    assert {(tmp_path / f"{task}.out").read_text() for task in (0, 1)} == {"0\n", "1\n"}


def test_a_run_that_is_preempted_goes_on_from_its_work(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    words = ("--cpus-per-task=1", "--output=out.txt", SCRIPTS / "gather.sh", *COMMAND)
    job = slurm.submit(here, *words, "-o", "out.h5")
    folder = here / "out.h5.work"
    slurm.until(lambda: len(list(folder.glob("*.npz"))) > 20, "it does no work")
    slurm.ended(slurm.submit(here, "--partition=high", "--cpus-per-task=4", "--wrap=true"))
    assert slurm.ended(job) == {"COMPLETED"}
    assert "PREEMPTION" in (here / "out.txt").read_text()
    assert arrays(here / "out.h5") == serial
    assert slurm.left_over() == []
