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


def test_tasks_of_an_array_compute_what_a_serial_run_finds(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    words = ("--cpus-per-task=1", SCRIPTS / "shards.sh", *COMMAND, "-o", "out.h5")
    shards = slurm.submit(here, "--array=0-3", "--output=%a.txt", *words)
    gather = gathering(slurm, here, shards)
    assert slurm.ended(shards) == {"COMPLETED"}, said(here)
    assert slurm.ended(gather) == {"COMPLETED"}, said(here)
    assert arrays(here / "out.h5") == serial


def gathering(slurm: Slurm, here: Path, shards: str) -> str:
    """Submit the job that gathers what the tasks of an array have computed."""
    after = (f"--dependency=afterany:{shards}", "--cpus-per-task=1", "--output=gather.txt")
    return slurm.submit(here, *after, SCRIPTS / "gather.sh", *COMMAND, "-o", "out.h5")


def said(here: Path) -> str:
    """Return what the jobs of a folder have said."""
    return "\n".join(f"{path.name}: {path.read_text()}" for path in here.glob("*.txt"))


def test_a_run_led_by_a_job_spreads_over_jobs_of_dask(
    slurm: Slurm, here: Path, serial: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKERS", "cores=1&memory=1GB&jobs=2&walltime=00:10:00")
    words = ("--output=out.txt", SCRIPTS / "dask.sh", *COMMAND, "-o", "out.h5")
    assert slurm.ended(slurm.submit(here, *words)) == {"COMPLETED"}, said(here)
    assert arrays(here / "out.h5") == serial
    assert slurm.left_over() == []
