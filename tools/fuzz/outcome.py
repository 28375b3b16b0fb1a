"""One mutant, read by the real command: what came of it."""

from __future__ import annotations

import faulthandler
import io
import os
import re
import resource
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tools.fuzz.target import CANARY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCUMENTED = {0, 2, 3, 4}
LONGEST = 5.0
"""Seconds of processor time, children included, that a mutant may take."""
MOST_MEMORY = 300 << 20
"""Bytes by which reading a mutant may grow the process, beyond twice the mutant's own."""
HANGING = 8.0
"""Seconds of its own processor time after which a mutant is ended."""
PATIENCE = 60
"""Seconds after which a mutant that waits is ended."""
NO_MEMORY = re.compile(r"MemoryError|nable to allocate|annot allocate|can't allocate|bad alloc")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one mutant.

    Attributes:
        code: the exit code.
        faults: what went wrong, each in a few words; nothing for a sound outcome.
        seconds: processor time.
        memory: bytes by which the most memory that the process ever held has grown.
    """

    code: int
    faults: tuple[str, ...]
    seconds: float
    memory: int


def tried(command: Sequence[str], folder: Path, memory: int) -> Outcome:
    """Run a command in a folder, which is the current one, and check what it leaves there.

    Memory is measured from ``memory`` on, as ``held_most`` gave it before any mutant was read.
    """
    before, size = digests(folder), sum(_sizes(folder))
    start = _seconds()
    code, told = _run(command)
    seconds, grown = _seconds() - start, held_most() - memory
    after = digests(folder)
    faults = [*_told_faults(code, told), *_traces(before, after)]
    if seconds > LONGEST:
        faults.append(f"took {seconds:.1f} s")
    if grown > 2 * size + MOST_MEMORY:
        faults.append(f"took {grown >> 20} MiB")
    for name in after.keys() - before.keys():
        (folder / name).unlink()
    return Outcome(code, tuple(faults), seconds, grown)


def digests(folder: Path) -> Mapping[str, str]:
    """Return the digest of each file of a folder, by its path within."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _run(command: Sequence[str]) -> tuple[int, str]:
    from lmctool.cli import main

    out, err = io.StringIO(), io.StringIO()
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, as nothing else can
    signal.setitimer(signal.ITIMER_PROF, HANGING)
    signal.alarm(PATIENCE)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main.main(list(command))
        code: object = 0
    except SystemExit as end:
        code = end.code
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    return code if isinstance(code, int) else 1, err.getvalue()


def _told_faults(code: int, told: str) -> list[str]:
    faults = []
    if code not in DOCUMENTED:
        faults.append(f"exit code {code}: {_last_error(told)}")
    elif "Traceback" in told:
        faults.append(f"a traceback: {_last_error(told)}")
    if code == 2 and not re.search(r"^(Error|Usage): .{10}", told, re.MULTILINE):
        faults.append(f"no sentence but {told[-200:]!r}")
    if NO_MEMORY.search(told):
        faults.append(f"ran out of memory: {told[-200:]!r}")
    return faults


def _last_error(told: str) -> str:
    errors = [
        line for line in told.splitlines() if re.match(r"[\w.]+(Error|Exception|Warning)\b", line)
    ]
    place = [line.strip() for line in told.splitlines() if line.startswith("  File ")]
    return f"{errors[-1][:200] if errors else told[-200:]!r} {place[-1] if place else ''}"


def _traces(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return what a command did to files that it was not to touch."""
    faults = [f"changed '{name}'" for name, digest in before.items() if after.get(name) != digest]
    if CANARY in after:
        faults.append("executed what the file says")
    made = [name for name in after.keys() - before.keys() if not name.startswith("out")]
    return faults + [f"left '{name}'" for name in sorted(made) if name != CANARY]


def _sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


def _seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def held_most() -> int:
    """Return the most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget() -> None:
    """Let this process die without a word or a core, should a mutant make it."""
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + (4 << 30),) * 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
