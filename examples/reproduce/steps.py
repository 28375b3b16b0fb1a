"""The steps of a reproduction: networks trained and measured once, all in one folder.

A step is kept while its words, and the files that they name, stay the same: a driver that is
called again goes on where it stopped.  Beside each output lies ``OUTPUT.json``, which tells the
words, the digests of the files, and what the program said.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Word = str | int | float | Path

TRAIN = Path(__file__).resolve().parents[1] / "train.py"
PATTERN = re.compile(r"[*?\[]")
ERROR = re.compile(r"test error ([0-9.]+)%")


class Step(NamedTuple):
    """One call of a program.

    Attributes:
        output: the file that must be there afterwards.
        program: the words before those of the step.
        words: its own words; paths in the folder by their names.
    """

    output: Path
    program: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Steps:
    """Trains networks and measures them, each once.

    Attributes:
        folder: where everything is, and where the programs run.
        jobs: how many programs run at a time, each on one core.
        force: whether to do again, once, what was done before.
    """

    folder: Path
    jobs: int = 1
    force: bool = False
    _fresh: set[Path] = field(default_factory=set, init=False)

    def train(self, name: str, *options: Word) -> Path:
        """Train one network as ``train_all`` does."""
        return self.train_all({name: options})[name]

    def train_all(self, networks: Mapping[str, Sequence[Word]]) -> dict[str, Path]:
        """Train networks that don't start from one another.

        Args:
            networks: the options of ``examples/train.py`` by name; paths are relative to the
                folder.

        Returns:
            NAME.safetensors by name; with ``--save-at`` NAME-stepN.safetensors lies beside it.

        Raises:
            LmctoolError: one cannot be trained.
        """
        return self._all((sys.executable, str(TRAIN)), networks, ".safetensors")

    def measure(self, name: str, *words: Word) -> Path:
        """Measure as ``measure_all`` does."""
        return self.measure_all({name: words})[name]

    def measure_all(self, commands: Mapping[str, Sequence[Word]]) -> dict[str, Path]:
        """Call ``lmctool`` once for each name, with these words and ``-o NAME.h5``.

        Returns:
            NAME.h5 by name; NAME.png, and NAME.safetensors if one is made, lie beside it.

        Raises:
            LmctoolError: one of the calls fails.
        """
        return self._all((sys.executable, "-m", "lmctool"), commands, ".h5")

    def said(self, output: Path) -> str:
        """Return what the program wrote to its standard output when it made this output."""
        return str(_record(output)["said"])

    def seconds(self) -> float:
        """Return how long all steps in the folder took, one after the other."""
        return sum(
            float(json.loads(path.read_text())["seconds"]) for path in self.folder.glob("*.json")
        )

    def test_error(self, network: Path) -> float:
        """Return a trained network's share of wrong answers on the whole test split.

        Raises:
            LmctoolError: it was trained for no epoch, so nobody measured it.
        """
        told = ERROR.findall(self.said(network))
        if not told:
            raise LmctoolError(f"'{network}' was never tested: it was trained for no epoch")
        return float(told[-1]) / 100

    def command(self, result: Path) -> str:
        """Return the line that a user types for a result that is there."""
        return shlex.join(["lmctool", *_record(result)["words"], "-o", result.name])

    def _all(
        self, program: tuple[str, ...], wanted: Mapping[str, Sequence[Word]], suffix: str
    ) -> dict[str, Path]:
        """Do steps side by side; the first that fails lets no other begin."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(self.jobs) as pool:
            running = {
                name: pool.submit(self._do, Step(self.folder / f"{name}{suffix}", program, texts))
                for name, words in wanted.items()
                if (texts := tuple(map(self._text, words)))
            }
            try:
                return {name: each.result() for name, each in running.items()}
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _text(self, word: Word) -> str:
        """Return a word as it is typed in the folder."""
        inside = isinstance(word, Path) and word.is_relative_to(self.folder)
        return str(word.relative_to(self.folder) if inside else word)  # type: ignore[union-attr]

    def _do(self, step: Step) -> Path:
        """Do a step unless it is done, and return its output."""
        record = _place(step.output)
        wanted = {"words": list(step.words), "files": self._digests(step.words)}
        may_stay = not self.force or step.output in self._fresh
        if may_stay and step.output.exists() and record.exists():
            known = _record(step.output)
            if {key: known[key] for key in wanted} == wanted:
                return step.output
        record.unlink(missing_ok=True)
        begin = time.perf_counter()
        said = self._run(step)
        seconds = time.perf_counter() - begin
        record.write_text(json.dumps({**wanted, "said": said, "seconds": seconds}, indent=1))
        self._fresh.add(step.output)
        click.echo(f"{step.output.name}: {seconds:.0f} s", err=True)
        return step.output

    def _run(self, step: Step) -> str:
        """Call the program, and return what it wrote to its standard output.

        Raises:
            LmctoolError: it fails.
        """
        done = subprocess.run(
            [*step.program, *step.words, "-o", step.output.name, "--force"],
            cwd=self.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise LmctoolError(f"'{step.output.name}' cannot be made: {why}")
        return done.stdout

    def _digests(self, words: Sequence[str]) -> dict[str, str]:
        """Return the digest of each file that the words name, by a path or by a pattern."""
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for word in words
            for path in self._files(word)
        }

    def _files(self, word: str) -> list[Path]:
        """Return the files that one word names; nearly all words name none."""
        if PATTERN.search(word):
            return [path for path in sorted(self.folder.iterdir()) if fnmatch(path.name, word)]
        path = self.folder / word
        if path.is_dir():
            return sorted(each for each in path.iterdir() if each.is_file())
        return [path] if path.is_file() else []


def _place(output: Path) -> Path:
    return output.with_name(f"{output.name}.json")


def _record(output: Path) -> dict[str, Any]:
    """Return what a step left that made this output.

    Raises:
        LmctoolError: no step made it.
    """
    path = _place(output)
    if not path.exists():
        raise LmctoolError(f"no step made '{output}'")
    found: dict[str, Any] = json.loads(path.read_text())
    return found
