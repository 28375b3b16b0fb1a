"""Arrays of jobs, each of which computes a share, by the scripts of examples/slurm."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.cluster.kills import Kills
from tests.cluster.many_networks import differing
from tests.cluster.scripts import gathering, push_out, remove_results, said, shards, works

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.many_networks import Arrays
    from tests.cluster.slurm import Slurm

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
KILLS = 25


def test_tasks_of_an_array_compute_what_a_serial_run_finds(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    array = shards(slurm, here)
    gather = gathering(slurm, here, array)
    assert slurm.ended(array) == {"COMPLETED"}, said(here)
    assert slurm.ended(gather) == {"COMPLETED"}, said(here)
    assert differing(here / "out.h5", serial) == []
    assert not (here / "out.h5.work").exists()
    assert slurm.left_over() == []


def test_preempted_tasks_go_on_and_what_a_cancelled_one_had_is_gathered(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    array = shards(slurm, here)
    gather = gathering(slurm, here, array)
    slurm.until(lambda: works(here) or slurm.over(array), "no task does any work")
    push_out(slurm, here)
    slurm.until(lambda: slurm.states(f"{array}_1") != ["PENDING"], "a task is not queued again")
    slurm.run("scancel", f"{array}_1")
    assert slurm.ended(f"{array}_1") <= {"CANCELLED", "COMPLETED"}
    assert slurm.ended(array) <= {"CANCELLED", "COMPLETED"}, said(here)
    assert "PREEMPTION" in said(here)
    assert slurm.ended(gather) == {"COMPLETED"}, said(here)
    assert differing(here / "out.h5", serial) == []
    assert slurm.left_over() == []


def test_a_task_whose_time_is_up_is_queued_once_more(
    slurm: Slurm, here: Path, serial: Arrays
) -> None:
    array = shards(slurm, here)
    slurm.until(lambda: slurm.processes("--shard"), "no task begins")
    slurm.run("scancel", "--signal=USR1", "--batch", array)  # as --signal=B:USR1 does in time
    slurm.until(lambda: "REQUEUE" in said(here), "no task is queued again")
    assert slurm.ended(array) == {"COMPLETED"}, said(here)
    assert slurm.ended(gathering(slurm, here, array)) == {"COMPLETED"}, said(here)
    assert differing(here / "out.h5", serial) == []


def test_tasks_killed_at_random_moments_lose_nothing(
    slurm: Slurm, here: Path, serial: Arrays, life: float
) -> None:
    kills = Kills(slurm, "--shard", KILLS, random.Random(0))
    while not kills.done:
        for _ in range(2):  # the second one goes on from what the first one has left
            array = shards(slurm, here)
            kills.watch(lambda array=array: not slurm.over(array), life)  # type: ignore[misc]
            assert slurm.ended(array) <= {"COMPLETED", "FAILED"}, said(here)
        assert slurm.ended(gathering(slurm, here, array)) == {"COMPLETED"}, said(here)
        assert differing(here / "out.h5", serial) == []
        remove_results(here)
    assert slurm.left_over() == []
