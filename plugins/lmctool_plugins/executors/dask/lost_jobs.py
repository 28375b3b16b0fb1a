"""Jobs that ended before their worker joined, of which Dask hears nothing by itself."""

from __future__ import annotations

import subprocess
from typing import Any

from lmctool.api import LmctoolError

PATIENCE = 30
"""Seconds for which a batch system may not answer."""
ATTEMPTS = 3
"""Jobs that may end so, for each that was asked for, before it is the jobs' own fault."""


class Refill:
    """Has jobs submitted in the place of those that are gone.

    A job that was cancelled or whose node failed while its worker began, or that could not be
    submitted, would else be waited for without an end.
    """

    def __init__(self, cluster: Any, system: str, jobs: int) -> None:
        """Take a cluster of dask-jobqueue, the batch system, and how many jobs there are to be."""
        self._cluster, self._system, self._jobs = cluster, system, jobs
        self._ended = 0
        self._joined = False

    def __call__(self) -> None:
        """Look which jobs are gone, and submit others.

        Raises:
            LmctoolError: no worker ever joined, and job after job has ended.
        """
        workers = self._cluster.scheduler_info["workers"].values()
        joined = {str(worker["name"]) for worker in workers}
        self._joined |= bool(joined)
        for name, job in list(self._cluster.workers.items()):
            if any(each == name or each.startswith(f"{name}-") for each in joined):
                continue
            if not is_queued(self._system, getattr(job, "job_id", None)):
                self._ended += 1
                self._cluster.sync(_forget, self._cluster, name, job)
        if not self._joined and self._ended >= ATTEMPTS * self._jobs:
            raise LmctoolError(
                f"{self._ended} jobs of executor 'dask:{self._system}' ended before a worker joined"
                " from one of them; add log_directory=FOLDER to see what they say"
            )
        self._cluster.scale(jobs=self._jobs)


async def _forget(cluster: Any, name: str, job: Any) -> None:
    if cluster.workers.get(name) is job:
        del cluster.workers[name]


def is_queued(system: str, job: str | None) -> bool:
    """Tell whether a job waits or runs; what nobody can tell counts so.

    Args:
        system: the batch system; slurm alone is asked.
        job: its number there; None if it could not be submitted.
    """
    if job is None:
        return False
    if system != "slurm":
        return True
    try:
        said = subprocess.run(
            ["squeue", "--noheader", "--format=%T", f"--jobs={job}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    if said.returncode:
        return "invalid job id" not in said.stderr.lower()
    return bool(said.stdout.strip())
