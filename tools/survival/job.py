"""A run that is killed: its command, its outputs, and whether these are whole."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from lmctool.checkpoint import open_checkpoint
from lmctool.results.equality import difference
from lmctool.results.file import read
from lmctool.results.result import Group, Result

DIGITS = Path(__file__).parents[2] / "examples/digits"
VOLATILE = re.compile(r"command|started|finished|executor|worker\..*|checkpoint\.\d+\.sha256_from")


@dataclass(frozen=True)
class Job:
    """One command, run again and again in a folder.

    Attributes:
        folder: where its outputs go.
        arguments: what it is given, but for the outputs.
    """

    folder: Path
    arguments: tuple[str, ...]

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Start it in a process of its own; its messages go to a file beside the folder."""
        words = [sys.executable, "-m", "lmctool", *self.arguments, *more]
        words += ["-o", str(self.folder / "out.h5"), "--json", str(self.folder / "out.json")]
        with self.log.open("ab") as log:
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            return subprocess.Popen(
                words, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    @property
    def log(self) -> Path:
        """Where its messages are."""
        return self.folder.with_suffix(".log")

    def broken(self) -> list[str]:
        """Return which outputs are there and cannot be read whole."""
        return [path.name for path in sorted(self.folder.glob("out.*")) if not _reads(path)]

    def whole(self) -> bool:
        """Tell whether the last output is there, so that no finished work is needed any more."""
        return (self.folder / "out.json").exists()

    def work(self) -> list[Path]:
        """Return the files of the finished work that is kept."""
        return sorted(self.folder.glob("out.h5.work/*.npz"))

    def strays(self) -> list[str]:
        """Return what else lies in the folder."""
        known = {"out.h5", "out.json", "out.png", "out.safetensors"}
        return sorted({path.name for path in self.folder.iterdir()} - known)

    def differs(self, other: Job) -> str | None:
        """Return what differs between the numbers of two finished runs, or None."""
        made = [job.folder / "out.safetensors" for job in (self, other)]
        present = [path.exists() for path in made]
        if present[0] != present[1]:
            return "the checkpoint, which is there once"
        if all(present) and made[0].read_bytes() != made[1].read_bytes():
            return "the checkpoint"
        return difference(*(lasting(job.folder / "out.h5") for job in (self, other)))


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children at once, as a machine that runs out of memory does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _reads(path: Path) -> bool:
    try:
        match path.suffix:
            case ".h5":
                read(path)
            case ".json":
                json.loads(path.read_text())
            case ".png":
                return path.read_bytes().endswith(b"IEND\xaeB`\x82")
            case ".safetensors":
                _ = open_checkpoint(path).digest
    except Exception:
        return False
    return True


def lasting(path: Path) -> Result:
    """Read a result without what differs from run to run."""
    result = read(path)
    said = result.groups["provenance"]
    kept = {name: value for name, value in said.attributes.items() if not VOLATILE.fullmatch(name)}
    return replace(result, groups={**result.groups, "provenance": Group(said.variables, kept)})
