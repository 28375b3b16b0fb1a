"""How long ``--help`` takes against importing click, and a small run against importing torch.

Run ``python benchmarks/startup.py``; it prints Markdown tables.  The repeats are interleaved, so
that a slow moment of the machine meets all commands alike.  Bytecode of imported modules is kept in
a folder that goes with the measurement, whatever the environment says of it.

The run is ``lmctool barrier`` on the networks of examples/digits, with ``--align --repair``: its
first time with an empty cache, its second time, and with ``--no-cache``; and its own work, which is
what the second run in one process takes (``benchmarks/own_work.py``).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALLOWANCE = 0.060
"""Seconds that a help page may take beyond twice the import of click."""
BASELINE = "python -c 'import click'"
RUN = "import sys; from lmctool.cli import main; main(sys.argv[1:])"
COMMANDS = {
    BASELINE: [sys.executable, "-c", "import click"],
    "lmctool --help": [sys.executable, "-c", RUN, "--help"],
    "lmctool barrier --help": [sys.executable, "-c", RUN, "barrier", "--help"],
}
TORCH = "python -c 'import torch'"
OWN = "its own work"
PARTS = ("evaluation", "alignment", "proof", "figure", "writing", "rest")
"""Of its own work, as ``benchmarks/own_work.py`` tells them."""
TREE = Path(__file__).resolve().parents[1]
DIGITS = [str(TREE / "examples/digits" / f"{name}.safetensors") for name in ("a", "b")]
WORDS = [*DIGITS, "--align", "--repair"]


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of what is measured, which keeps all that it keeps in a folder."""
    own = {"PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "LMCTOOL_CACHE": str(folder / "cache")}
    rest = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return rest | own


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Return how long one run of a command takes: processor time, and by the clock."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, cwd=TREE, env=environment(folder))
    taken, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, taken


def measure(repeats: int, folder: Path) -> dict[str, float]:
    """Return the median time of each page of help in seconds, after one run that warms up."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for repeat in range(repeats + 1):
        for name, command in COMMANDS.items():
            _, taken = seconds(command, folder)
            if repeat:
                times[name].append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def own_work(words: list[str], folder: Path) -> dict[str, float]:
    """Return the processor seconds of each part of a second run in one process."""
    command = [sys.executable, "-m", "benchmarks.own_work", *words]
    done = subprocess.run(
        command, check=True, capture_output=True, cwd=TREE, env=environment(folder)
    )
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


def measure_run(repeats: int, folder: Path, more: Iterable[str] = ()) -> list[dict[str, float]]:
    """Return, for each repeat, the processor seconds of each command and of each part of its work.

    Args:
        repeats: how often all is measured, after one time that warms up.
        folder: where outputs, bytecode and cache are.
        more: further words of the command.
    """
    words = [*WORDS, *more, "--force", "--out", str(folder / "barrier.h5")]
    barrier = [sys.executable, "-c", RUN, "barrier", *words]
    found = []
    for repeat in range(repeats + 1):
        shutil.rmtree(folder / "cache", ignore_errors=True)
        commands = {
            TORCH: [sys.executable, "-c", "import torch"],
            "barrier, first time": barrier,
            "barrier, second time": barrier,
            "barrier --no-cache": [*barrier, "--no-cache"],
        }
        taken = {name: seconds(command, folder)[0] for name, command in commands.items()}
        work = own_work(words, folder)
        if repeat:
            parts = {part: work[part] for part in PARTS}
            found.append({**taken, OWN: sum(parts.values()), **parts})
    return found


def table_of_run(found: list[dict[str, float]]) -> Iterable[str]:
    """Yield the lines of the table of a run, with medians of times and of ratios."""
    yield "| processor seconds | median | of `import torch` | less its own work |"
    yield "|---|---|---|---|"
    for name in found[0]:
        ratio = _median(each[name] / each[TORCH] for each in found)
        beyond = _median((each[name] - each[OWN]) / each[TORCH] for each in found)
        less = f"{beyond:.2f}" if name.startswith("barrier") else ""
        yield f"| {name} | {_median(each[name] for each in found):.2f} | {ratio:.2f} | {less} |"


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def table_of_help(medians: Mapping[str, float]) -> Iterable[str]:
    """Yield the lines of the table of pages of help."""
    yield "| command | median, ms | ratio | allowed, ms |"
    yield "|---|---|---|---|"
    for name, taken in medians.items():
        limit = "" if name == BASELINE else f"{1000 * allowed(medians):.0f}"
        yield f"| `{name}` | {1000 * taken:.0f} | {taken / medians[BASELINE]:.2f} | {limit} |"


def allowed(medians: Mapping[str, float]) -> float:
    """Return how many seconds a page of help may take."""
    return 2 * medians[BASELINE] + ALLOWANCE


@click.command()
@click.option("--repeats", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--runs", type=click.IntRange(min=0), default=5, show_default=True)
def main(repeats: int, runs: int) -> None:
    """Print how long help and a small run take; exit with 1 if help takes longer than allowed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        medians = measure(repeats, folder)
        click.echo("\n".join(table_of_help(medians)))
        if runs:
            click.echo("\n" + "\n".join(table_of_run(measure_run(runs, folder))))
    if max(medians.values()) > allowed(medians):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
