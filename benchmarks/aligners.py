"""The barrier between trained networks after each aligner, and after REPAIR on top.

Run ``python benchmarks/aligners.py A0 A1 [B0 B1 ...]`` with two checkpoints for each pair; it
prints a Markdown table.  Every installed aligner has a row, and so has weight matching started
from activation matching.  Each row is one ``lmctool barrier A0 A1 --align NAME --repair``.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS
from lmctool.results.file import read

RUN = "from lmctool.cli import main; main()"
STARTED = ("weight, from activation", ("--align", "weight", "--start", "activation"))
HEAD = (
    "| pair | aligner | error barrier: aligned | + REPAIR | loss barrier: aligned | + REPAIR | s |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one aligner reached on one pair.

    Attributes:
        error: the error barrier, aligned and then repaired, as fractions.
        loss: the loss barrier of both, in nats.
        seconds: how long the whole command took.
    """

    error: tuple[float, float]
    loss: tuple[float, float]
    seconds: float


def aligners() -> dict[str, tuple[str, ...]]:
    """Return the arguments that name each aligner, by what the table calls it."""
    names = registry.names(ALIGNERS)
    found = {name: ("--align", name) for name in names}
    return found | dict([STARTED]) if {"weight", "activation"} <= set(names) else dict(found)


def measure(a: Path, b: Path, arguments: list[str]) -> Row:
    """Return the barriers of ``lmctool barrier`` with these arguments."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "barrier.h5"
        words = ["barrier", str(a), str(b), *arguments, "--repair", "-o", str(out)]
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True)
        taken = time.perf_counter() - begun
        if done.returncode:
            raise SystemExit(f"lmctool {shlex.join(words)}\n{done.stderr}")
        summary = read(out).groups["barrier/summary"].variables
    rows = [list(summary["variant"].values).index(name) for name in ("align", "align+repair")]
    error, loss = (summary[f"barrier_{name}"].values[rows, 0] for name in ("error", "loss"))
    return Row((float(error[0]), float(error[1])), (float(loss[0]), float(loss[1])), taken)


@click.command()
@click.argument(
    "checkpoints", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--only", multiple=True, help="Only this row; may be repeated.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Runs of each row.")
@click.option("--args", "more", default="", help="More arguments of lmctool barrier, as one text.")
def main(checkpoints: tuple[Path, ...], only: tuple[str, ...], seeds: int, more: str) -> None:
    """Print the table for pairs of checkpoints, given one after the other."""
    if len(checkpoints) % 2:
        raise click.UsageError("checkpoints come in pairs")
    click.echo(f"{HEAD}\n|---|---|---|---|---|---|---|")
    for a, b in zip(checkpoints[::2], checkpoints[1::2], strict=True):
        for name, words in aligners().items():
            for seed in range(seeds) if not only or name in only else ():
                told = ["--seed", str(seed), "--subset-seed", str(seed)] if seeds > 1 else []
                row = measure(a, b, [*words, *told, *shlex.split(more)])
                cells = [f"{100 * value:.1f} %" for value in row.error]
                cells += [f"{value:.3f}" for value in row.loss]
                label = f"{name}, seed {seed}" if seeds > 1 else name
                pair = f"{a.stem}, {b.stem}"
                click.echo(f"| {pair} | {label} | {' | '.join(cells)} | {row.seconds:.0f} |")


if __name__ == "__main__":
    main()
