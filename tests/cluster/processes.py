"""The processes of a private Slurm, of its jobs, and of what was started beside it."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DAEMONS = ("munged", "slurmctld", "slurmscriptd", "slurmd")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that is alive.

    Attributes:
        number: its number.
        name: of its program.
        words: its command line.
        job: the number of the Slurm job that it belongs to, or an empty text.
    """

    number: int
    name: str
    words: tuple[str, ...]
    job: str

    def kill(self) -> None:
        """End it at once, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)


def of_cluster(folder: Path) -> list[Process]:
    """Return all that was started with the configuration in a folder, but for its daemons."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            variables = (place / "environ").read_bytes().split(b"\0")
            words = tuple((place / "cmdline").read_bytes().decode().split("\0")[:-1])
            name = (place / "comm").read_text().strip()
        except (OSError, UnicodeDecodeError):  # it has ended meanwhile
            continue
        if f"SLURM_CONF={folder}/slurm.conf".encode() not in variables or name in DAEMONS:
            continue
        jobs = [each[13:].decode() for each in variables if each.startswith(b"SLURM_JOB_ID=")]
        found.append(Process(int(place.name), name, words, "".join(jobs)))
    return found


def end(processes: Iterable[Process]) -> None:
    """End processes at once."""
    for process in processes:
        process.kill()
