"""Runs of the program itself, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.gpu.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Done:
    """A run of the program.

    Attributes:
        code: its exit code.
        seconds: how long it took.
        output: what it printed.
        complaints: what it printed as errors and progress.
    """

    code: int
    seconds: float
    output: str
    complaints: str

    @property
    def last(self) -> str:
        """The last line of its output, or of its complaints if it failed."""
        text = self.complaints if self.code else self.output
        return (text.strip().splitlines() or [""])[-1]


def lmctool(*words: object) -> Done:
    """Run ``lmctool`` with these words, from the root of the checkout."""
    command = [sys.executable, "-m", "lmctool", *map(str, words)]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    return Done(done.returncode, time.perf_counter() - begun, done.stdout, done.stderr)


def side_by_side(commands: Iterable[Sequence[object]], processes: int) -> Iterator[Done]:
    """Run several commands at the same time, and give how each went, in their order.

    What counts is what they leave behind, not the time that they take.
    """
    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(lambda words: lmctool(*words), commands)
