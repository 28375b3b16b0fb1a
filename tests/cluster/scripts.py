"""The scripts of examples/slurm as tests submit them, from a folder with networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cluster.many_networks import COMMAND
from tests.cluster.slurm import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.slurm import Slurm

SCRIPTS = ROOT / "examples/slurm"
OUT = ("-o", "out.h5")
TASKS = 4
"""As many as the Slurm of the tests has CPUs."""


def shards(slurm: Slurm, here: Path, *words: str) -> str:
    """Submit an array whose tasks compute a share each, with further words for lmctool."""
    options = (f"--array=0-{TASKS - 1}", "--cpus-per-task=1", "--output=shard%a.txt")
    return slurm.submit(here, *options, SCRIPTS / "shards.sh", *COMMAND, *OUT, *words)


def gathering(slurm: Slurm, here: Path, array: str, *words: str) -> str:
    """Submit the job that gathers what the tasks of an array have computed."""
    options = (f"--dependency=afterany:{array}", "--cpus-per-task=1", "--output=gather.txt")
    return slurm.submit(here, *options, SCRIPTS / "gather.sh", *COMMAND, *OUT, *words)


def push_out(slurm: Slurm, here: Path) -> None:
    """Run a short job that needs all CPUs, and comes before all others."""
    words = ("--partition=high", f"--cpus-per-task={TASKS}", "--output=/dev/null", "--wrap=true")
    assert slurm.ended(slurm.submit(here, *words)) == {"COMPLETED"}


def works(here: Path, entries: int = 1) -> bool:
    """Tell whether the run of a folder has finished some work."""
    return len(list((here / "out.h5.work").glob("*.npz"))) >= entries


def remove_results(here: Path) -> None:
    """Let the next run begin anew."""
    for path in here.glob("out.*"):
        path.unlink()


def said(here: Path) -> str:
    """Return what the jobs of a folder have said."""
    return "\n".join(f"{path.name}: {path.read_text()}" for path in here.glob("*.txt"))
