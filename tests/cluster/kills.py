"""Processes of jobs that are killed at random moments of their lives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.cluster.processes import Process
    from tests.cluster.slurm import Slurm


class Kills:
    """Ends processes of jobs by SIGKILL, each at a moment that is drawn when it is first seen.

    Attributes:
        count: how many were ended.
    """

    def __init__(self, slurm: Slurm, word: str, most: int, draw: random.Random) -> None:
        """Begin with none.

        Args:
            slurm: whose jobs.
            word: in the command lines of the processes that are to be killed.
            most: how many to end.
            draw: draws the moments.
        """
        self.count = 0
        self._slurm, self._word, self._most, self._draw = slurm, word, most, draw
        self._due: dict[int, float] = {}

    @property
    def done(self) -> bool:
        """Tell whether as many as wanted were ended."""
        return self.count >= self._most

    def watch(self, going: Callable[[], bool], longest: float) -> None:
        """Kill until all that are wanted were, or what is going on is over.

        Args:
            going: tells whether it still is.
            longest: the seconds within which a process is to die.
        """
        while not self.done and going():
            for process in self._slurm.processes(self._word):
                self._look_at(process, longest)
            time.sleep(0.02)

    def _look_at(self, process: Process, longest: float) -> None:
        now = time.monotonic()
        due = self._due.setdefault(process.number, now + self._draw.uniform(0, longest))
        if now >= due and not self.done:
            process.kill()
            self.count += 1
            del self._due[process.number]  # its number may be given once more
            time.sleep(0.02)
