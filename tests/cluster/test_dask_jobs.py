"""Runs whose workers are jobs of Slurm that dask-jobqueue submits."""

from __future__ import annotations

import random
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lmctool.plugin import registry
from lmctool.plugin.kinds import EXECUTORS
from tests.cluster.kills import Kills
from tests.cluster.many_networks import COMMAND, differing
from tests.cluster.scripts import OUT, SCRIPTS, push_out, remove_results, said, works

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.many_networks import Arrays
    from tests.cluster.slurm import Slurm

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
WORKERS = "cores=1&memory=1GB&walltime=00:20:00"
KILLS = 25
WAIT = 400
"""Seconds that a run may take on a machine with much else to do."""
WORKER = "distributed"
"""In the command line of a worker."""


@contextmanager
def led(slurm: Slurm, here: Path, jobs: int) -> Iterator[subprocess.Popen[str]]:
    """Start a run outside of Slurm whose workers are jobs; it is ended with the context."""
    executor = f"dask:slurm?{WORKERS}&jobs={jobs}"
    words = ["lmctool", *COMMAND, *OUT, "--resume", "--executor", executor]
    with (
        (here / "lead.txt").open("a") as out,
        subprocess.Popen(
            words, cwd=here, env=slurm.environment, stdout=out, stderr=out, text=True
        ) as run,
    ):
        try:
            yield run
        finally:
            run.kill()


def test_a_run_led_by_a_job_spreads_over_jobs(
    slurm: Slurm, here: Path, serial: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKERS", f"{WORKERS}&jobs=2")
    words = ("--output=lead.txt", str(SCRIPTS / "dask.sh"), *COMMAND, *OUT)
    assert slurm.ended(slurm.submit(here, *words)) == {"COMPLETED"}, said(here)
    assert differing(here / "out.h5", serial) == []
    assert slurm.left_over() == []


def test_jobs_that_are_cancelled_or_preempted_cost_nothing(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    with led(slurm, here, jobs=3) as run:
        slurm.until(lambda: works(here) or run.poll() is not None, "no worker does any work")
        slurm.run("scancel", slurm.jobs()[0])
        push_out(slurm, here)
        assert run.wait(WAIT) == 0, said(here)
    assert differing(here / "out.h5", serial) == []
    assert slurm.left_over() == []


def test_workers_killed_at_random_moments_lose_nothing(
    slurm: Slurm, here: Path, serial: Arrays, life: float
) -> None:
    kills = Kills(slurm, WORKER, KILLS, random.Random(1))
    code = 2
    while code != 0 or not kills.done:
        with led(slurm, here, jobs=3) as run:
            kills.watch(lambda run=run: run.poll() is None, life)  # type: ignore[misc]
            code = run.wait(WAIT)
        assert code in (0, 2), said(here)  # 2: three workers were killed at one item
        if code == 0:
            assert differing(here / "out.h5", serial) == []
            remove_results(here)
    assert slurm.left_over() == []


def test_jobs_end_after_their_leader_was_killed_and_the_run_goes_on(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    with led(slurm, here, jobs=2) as run:
        slurm.until(lambda: works(here) or run.poll() is not None, "no worker does any work")
        run.send_signal(signal.SIGKILL)
    slurm.until(lambda: not slurm.jobs(), "a job does not end")
    assert slurm.left_over() == []
    with led(slurm, here, jobs=2) as run:
        assert run.wait(WAIT) == 0, said(here)
    assert differing(here / "out.h5", serial) == []


def test_workers_with_a_gpu_each_see_different_ones(
    slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PATH", "SLURM_CONF", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, slurm.environment[name])
    factory = registry.load(EXECUTORS, "dask")
    executor = factory.open(f"slurm?{WORKERS}&jobs=2&gpus=1")
    try:
        show = "echo $CUDA_VISIBLE_DEVICES; sleep 2"
        seen = [executor.submit(subprocess.getoutput, show) for _ in range(2)]
        assert factory.device is not None and factory.device(executor) == "cuda"
        assert {each.result(WAIT) for each in seen} == {"0", "1"}
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    assert slurm.left_over() == []
