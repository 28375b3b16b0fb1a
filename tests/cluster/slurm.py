"""What tests do with a private Slurm: jobs in, their states, and what is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.processes import Process, of_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
SECONDS = 400
"""That a job may take on a machine with much else to do."""
GOING = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED", "SUSPENDED"}
"""The states of a job that has not ended."""


@dataclass(frozen=True, slots=True)
class Slurm:
    """A private Slurm of this machine.

    Attributes:
        folder: has its configuration and logs.
    """

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables under which its commands, and lmctool, are found."""
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SLURM_CONF": f"{self.folder}/slurm.conf",
        }

    def run(self, *words: str | Path, here: Path | None = None) -> str:
        """Return what a command prints.

        Raises:
            AssertionError: it fails; says what it printed.
        """
        done = subprocess.run(
            list(map(str, words)),
            cwd=here,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def submit(self, here: Path, *words: str | Path) -> str:
        """Submit a batch script from a folder, and return the number of the job.

        Args:
            here: the folder.
            words: options of sbatch, the script and its arguments.
        """
        return self.run("sbatch", "--parsable", *words, here=here)

    def states(self, job: str) -> list[str]:
        """Return the state of a job, or of all tasks of an array."""
        words = ("squeue", "--noheader", "--states=all", "--array", "--format=%T", f"--jobs={job}")
        return self.run(*words).split()

    def over(self, job: str) -> bool:
        """Tell whether a job, or all tasks of an array, have ended.

        Those that were queued once more begin without the two minutes that Slurm lets them wait.
        """
        words = ("squeue", "--noheader", "--states=PENDING", "--array", "--format=%i %r")
        for line in self.run(*words).splitlines():
            number, _, reason = line.partition(" ")
            if reason == "BeginTime":
                with suppress(AssertionError):  # it may begin meanwhile
                    self.run("scontrol", "update", f"JobId={number}", "StartTime=now")
        return not GOING & set(self.states(job))

    def ended(self, job: str) -> set[str]:
        """Wait until a job, or all tasks of an array, are over, and return their states."""
        self.until(lambda: self.over(job), f"job {job} does not end")
        return set(self.states(job))

    def jobs(self) -> list[str]:
        """Return the numbers of the jobs that run."""
        return self.run("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()

    def until(self, condition: Callable[[], object], otherwise: str) -> None:
        """Wait until something holds.

        Raises:
            AssertionError: it never does; says so, and what the queue is.
        """
        late = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < late, f"{otherwise}: {self.run('squeue', '--array')}"
            time.sleep(0.05)

    def processes(self, name: str = "lmctool") -> list[Process]:
        """Return the processes of jobs in whose command line a word occurs."""
        return [
            process
            for process in of_cluster(self.folder)
            if process.job and any(name in word for word in process.words)
        ]

    def left_over(self) -> list[Process]:
        """Return what of all jobs, and of what started them, is still alive a while after."""
        late = time.monotonic() + SECONDS / 10
        while (left := of_cluster(self.folder)) and time.monotonic() < late:
            time.sleep(0.1)
        return left


@contextmanager
def started() -> Iterator[Slurm]:
    """Start a Slurm, and end it and all its jobs at the end, or when this process is killed.

    Raises:
        AssertionError: it does not start; says why.
    """
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.daemons"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdin is not None and keeper.stdout is not None and keeper.stderr is not None
    with keeper:
        try:
            said = keeper.stdout.readline()
            assert said, keeper.stderr.read()
            yield Slurm(Path(said.partition("=")[2].strip()).parent)
        finally:
            keeper.stdin.close()
            keeper.wait()
