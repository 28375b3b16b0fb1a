"""All that a GPU alone can show, in at most eight minutes: ``python -m benchmarks.gpu``.

It runs from a plain checkout and installs nothing.  Each section has a process and a time of its
own; one that fails, or lacks a module, is told, and the next one runs.  Results go to build/gpu,
and to the folder that the environment variable OUT names: gpu.jsonl line by line, gpu.md at the
end.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.gpu.checkout import (
    BUILD,
    RESULTS,
    ROOT,
    TABLE,
    environment,
    result_folders,
    write_metadata,
)
from benchmarks.gpu.measurement import Journal, Measurement, table
from benchmarks.gpu.section import BUDGET, SECTIONS, deadlines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from benchmarks.gpu.section import Section

GRACE = 3
"""Seconds between asking a process to end and ending it."""


class Stopped(Exception):  # noqa: N818  # a wish of whoever runs the script, no error
    """The script was asked to end."""


def options(words: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line says."""
    names = [section.name for section in SECTIONS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help="this section; repeatable")
    parser.add_argument("--device", default="cuda:0", help="cuda:N; cpu tries the script itself")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for all sections")
    return parser.parse_args(words)


def run(command: Sequence[str], environment: Mapping[str, str], seconds: float, log: Path) -> str:
    """Run a command, its output in a file, and end it in time; return what went wrong, if any."""
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return f"was ended at its limit, after {seconds:.0f} s"
        finally:
            _end(process)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"ended with {code}: {lines[-1] if lines else 'no output'}" if code else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, if any of them still runs."""
    for ending, seconds in ((signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, ending)
            process.wait(timeout=seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_all(sections: Sequence[Section], device: str, budget: float, journal: Journal) -> None:
    """Run sections one after the other, and keep how each went."""
    begun = time.monotonic()
    surroundings = environment(ROOT, BUILD, device)
    for section, deadline in zip(sections, deadlines(sections, budget), strict=True):
        started = time.monotonic()
        if section.missing:
            text = f"left out: {', '.join(section.missing)} not installed here"
            journal.add(Measurement(section.name, "section", text))
            print(f"{section.name}: {text}", flush=True)
            continue
        left = max(deadline - (started - begun), 0)
        one = [sys.executable, "-m", "benchmarks.gpu.one_section"]
        command = [*one, section.name, device, f"{left:.1f}"]
        wrong = run(command, surroundings, left, BUILD / f"{section.name}.log")
        taken = time.monotonic() - started
        text = wrong or f"done in {taken:.1f} s"
        journal.add(Measurement(section.name, "section", text, passed=not wrong))
        print(f"{section.name}: {text}", flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """Run the sections that are asked for; return 1 if any measurement is not as it must be."""
    asked = options(words)
    sections = [s for s in SECTIONS if s.name in (asked.only or [s.name])]
    folders = result_folders(os.environ)
    journal = Journal([folder / RESULTS for folder in folders])
    journal.begin()
    write_metadata(ROOT, BUILD)

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    try:
        run_all(sections, asked.device, asked.budget, journal)
    except (Stopped, KeyboardInterrupt):
        journal.add(Measurement("script", "end", "it was asked to end", passed=False))
    text = table(journal.read())
    for folder in folders:
        (folder / TABLE).write_text(text, encoding="utf-8")
    print(f"\n{text}", flush=True)
    return int(any(found.passed is False for found in journal.read()))


if __name__ == "__main__":
    sys.exit(main())
