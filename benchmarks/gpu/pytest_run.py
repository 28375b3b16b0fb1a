"""A run of tests whose outcomes are told as they come."""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING

from benchmarks.gpu.checkout import ROOT
from benchmarks.gpu.setting import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.gpu.setting import Setting

OUTCOMES = "PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS"
ALONE = re.compile(rf"^(tests/\S+.*?) ({OUTCOMES})\b")
"""A line of ``pytest -v``."""
BESIDE = re.compile(rf"^\[gw\d+\].*? ({OUTCOMES}) (tests/\S+.*?)\s*$")
"""A line of ``pytest -v`` with several processes."""
VERDICT = {"PASSED": True, "XFAIL": True, "SKIPPED": None}
BROKEN = re.compile(r"^ERROR (tests/\S+)(?: - (.*))?$")
"""A line of its summary about a file that cannot be imported."""
ENDING = 5
"""Seconds before the end of a section at which its tests are stopped."""


def outcome(line: str) -> tuple[str, str] | None:
    """Return a test's name and outcome as pytest tells them in a line, or None for other lines."""
    if found := ALONE.match(line):
        return found[1], found[2]
    if found := BESIDE.match(line):
        return found[2], found[1]
    return None


class Lines:
    """The lines that a command prints, for as long as there is time."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it, in the root of the checkout."""
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._process.stdout or nullcontext(()) as printed:
            for line in printed:
                self._lines.put(line)
        self._lines.put(None)

    def until(self, end: float) -> Iterator[str]:
        """Give lines as they come; at a time of ``time.monotonic`` the command is stopped."""
        while True:
            try:
                line = self._lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                self._process.terminate()
                return
            if line is None:
                return
            yield line

    def code(self) -> int:
        """Return how it ended; below 0 if it was stopped."""
        return self._process.wait()


def outcomes(setting: Setting, words: Sequence[str], *, each: bool) -> Iterator[Found]:
    """Run pytest; give what fails, and how many tests had each outcome.

    Args:
        setting: tells how much time there is.
        words: arguments of pytest.
        each: give every test that passes, too.
    """
    command = [sys.executable, "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider", *words]
    counts: Counter[str] = Counter()
    lines = Lines([*command, "-rE", "--continue-on-collection-errors"])
    for line in lines.until(setting.deadline - ENDING):
        print(line, end="", flush=True)
        if told := outcome(line):
            name, word = told
            counts[word] += 1
            if each or word in {"FAILED", "ERROR"}:
                yield Found(name, word.lower(), passed=VERDICT.get(word, False))
        elif (broken := BROKEN.match(line)) and "::" not in broken[1]:
            yield Found(broken[1], f"cannot be imported: {broken[2] or ''}", passed=False)
    code = lines.code()
    told_counts = ", ".join(f"{count} {word.lower()}" for word, count in sorted(counts.items()))
    how = "stopped in time" if code < 0 else f"exit code {code}"
    good = code == 0 and counts["PASSED"] > 0 if setting.on_gpu else None
    yield Found("tests", f"{told_counts or 'none'}; {how}", passed=good, expected="all pass")
