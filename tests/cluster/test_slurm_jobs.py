"""Jobs of a Slurm that is started for the tests: its GPUs, and a run in one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cluster.many_networks import COMMAND, differing
from tests.cluster.scripts import SCRIPTS, push_out, said, works

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.many_networks import Arrays
    from tests.cluster.slurm import Slurm

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_tasks_with_a_gpu_each_see_different_ones(slurm: Slurm, tmp_path: Path) -> None:
    words = ("--array=0-1", "--gres=gpu:1", "--output=%a.out")
    show = "--wrap=echo $CUDA_VISIBLE_DEVICES; sleep 2"  # both are there at one time
    assert slurm.ended(slurm.submit(tmp_path, *words, show)) == {"COMPLETED"}
    assert {(tmp_path / f"{task}.out").read_text() for task in (0, 1)} == {"0\n", "1\n"}


def test_a_run_that_is_preempted_goes_on_from_its_work(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    words = ("--cpus-per-task=1", "--output=out.txt", str(SCRIPTS / "gather.sh"), *COMMAND)
    job = slurm.submit(here, *words, "-o", "out.h5")
    slurm.until(lambda: works(here) or slurm.over(job), f"job {job} does no work")
    push_out(slurm, here)
    assert slurm.ended(job) == {"COMPLETED"}, said(here)
    assert "PREEMPTION" in said(here)
    assert differing(here / "out.h5", serial) == []
    assert slurm.left_over() == []
