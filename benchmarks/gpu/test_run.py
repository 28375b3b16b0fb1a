"""A run of tests whose outcomes are told as they come."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections import Counter
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


def outcomes(setting: Setting, words: Sequence[str], *, each: bool) -> Iterator[Found]:
    """Run pytest; give what fails, and how many tests had each outcome.

    Args:
        setting: tells how much time there is.
        words: arguments of pytest.
        each: give every test that passes, too.
    """
    command = [sys.executable, "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider", *words]
    process = subprocess.Popen(
        [*command, "-rE", "--continue-on-collection-errors"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    stopping = threading.Timer(max(setting.seconds_left - ENDING, 0), process.terminate)
    stopping.start()
    counts: Counter[str] = Counter()
    for line in process.stdout or ():
        print(line, end="", flush=True)
        if told := outcome(line):
            name, word = told
            counts[word] += 1
            if each or word in {"FAILED", "ERROR"}:
                yield Found(name, word.lower(), passed=VERDICT.get(word, False))
        elif (broken := BROKEN.match(line)) and "::" not in broken[1]:
            yield Found(broken[1], f"cannot be imported: {broken[2] or ''}", passed=False)
    stopping.cancel()
    code = process.wait()
    told_counts = ", ".join(f"{count} {word.lower()}" for word, count in sorted(counts.items()))
    how = "stopped in time" if code < 0 else f"exit code {code}"
    good = code == 0 and counts["PASSED"] > 0 if setting.on_gpu else None
    yield Found("tests", f"{told_counts or 'none'}; {how}", passed=good, expected="all pass")
