"""What campaigns found, in figures."""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.fuzz.outcome import DOCUMENTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.fuzz.outcome import Outcome


@dataclass
class Figures:
    """What a campaign found.

    Attributes:
        target: the kind of file.
        mutants: how many were read.
        codes: how many ended with each exit code.
        hangs: how many were ended from outside.
        crashes: how many ended the process.
        slowest: the most processor time that one took, in seconds.
        memory: the most bytes by which the reading of one grew its process.
        faults: what went wrong: the number of the mutant, the command and the fault.
    """

    target: str
    mutants: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    hangs: int = 0
    crashes: int = 0
    slowest: float = 0.0
    memory: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, number: int, command: str, outcome: Outcome) -> None:
        """Count the outcome of one mutant."""
        self.mutants += 1
        self.codes[outcome.code] += 1
        self.slowest = max(self.slowest, outcome.seconds)
        self.memory = max(self.memory, outcome.memory)
        self.faults += [f"mutant {number}, {command}: {fault}" for fault in outcome.faults]

    def lose(self, number: int, status: int) -> None:
        """Count a mutant that ended the process."""
        self.mutants += 1
        name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else str(status)
        hung = name in ("SIGPROF", "SIGALRM")
        self.hangs += hung
        self.crashes += not hung
        self.faults.append(f"mutant {number}: {'hung' if hung else f'died of {name}'}")


def table(found: Iterable[Figures]) -> str:
    """Return the figures as a Markdown table, with their sums below."""
    codes = sorted(DOCUMENTED)
    heads = ["format", "mutants", *(f"exit {code}" for code in codes)]
    heads += ["bugs", "hangs", "crashes", "slowest, s", "most memory, MiB"]
    rows = []
    total = Figures("all")
    for each in found:
        rows.append(_row(each))
        total.mutants += each.mutants
        total.codes += each.codes
        total.hangs += each.hangs
        total.crashes += each.crashes
        total.slowest = max(total.slowest, each.slowest)
        total.memory = max(total.memory, each.memory)
        total.faults += each.faults
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows, _row(total)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(each: Figures) -> list[str]:
    bugs = len(each.faults) - each.hangs - each.crashes
    counts = [each.mutants, *(each.codes[code] for code in sorted(DOCUMENTED))]
    counts += [bugs, each.hangs, each.crashes]
    return [
        each.target,
        *(f"{count:,}" for count in counts),
        f"{each.slowest:.1f}",
        f"{each.memory / 2**20:.0f}",
    ]
