"""The barrier between trained networks after each aligner, and after REPAIR on top.

Run ``python benchmarks/aligners.py A0 A1 [A2 A3 ...] [B0 B1 ...]`` with two checkpoints for each
pair; it prints a Markdown table.  Pairs whose files are called alike, but for ``-SEED`` at the end,
are of one kind and share their rows: the mean over them, and of several the lowest and the highest.
Every installed aligner has a row; so have weight matching started from activation matching, and a
random element of all groups, the null control.  Each number is that of one ``lmctool barrier A0 A1
--align NAME --repair``.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS
from lmctool.results.file import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RUN = "from lmctool.cli import main; main()"
MORE: Mapping[str, tuple[str, ...]] = {
    "weight --start activation": ("--align", "weight", "--start", "activation"),
    "random --groups all": ("--align", "random", "--groups", "all"),
}
"""Rows beside those of the aligners as they are by themselves."""
HEAD = (
    "| pair | aligner | error barrier: aligned | + REPAIR | loss barrier: aligned | + REPAIR | s |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one aligner reached on one pair.

    Attributes:
        error: the error barrier, aligned, as a fraction.
        repaired_error: the same after REPAIR.
        loss: the loss barrier, aligned, in nats.
        repaired_loss: the same after REPAIR.
        seconds: how long the whole command took.
    """

    error: float
    repaired_error: float
    loss: float
    repaired_loss: float
    seconds: float


def aligners() -> dict[str, tuple[str, ...]]:
    """Return the arguments that name each aligner, by what the table calls it."""
    return {name: ("--align", name) for name in registry.names(ALIGNERS)} | dict(MORE)


def measure(a: Path, b: Path, arguments: Sequence[str]) -> Row:
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
    variants = summary["variant"].values.tolist()
    error, repaired_error, loss, repaired_loss = (
        float(summary[f"barrier_{metric}"].values[variants.index(variant), 0])
        for metric in ("error", "loss")
        for variant in ("align", "align+repair")
    )
    return Row(error, repaired_error, loss, repaired_loss, taken)


def kinds(checkpoints: Sequence[Path]) -> dict[str, list[tuple[Path, Path]]]:
    """Return the pairs of checkpoints that are given one after the other, by their kind."""
    found: dict[str, list[tuple[Path, Path]]] = {}
    for a, b in zip(checkpoints[::2], checkpoints[1::2], strict=True):
        found.setdefault(a.stem.rpartition("-")[0] or a.stem, []).append((a, b))
    return found


def cells(rows: Sequence[Row]) -> list[str]:
    """Return the cells of what was measured: errors in per cent, losses in nats, and seconds."""
    error, repaired_error, loss, repaired_loss, seconds = zip(*map(astuple, rows), strict=True)
    shares = [told([100 * value for value in each], 1, " %") for each in (error, repaired_error)]
    losses = [told(each, 3, "") for each in (loss, repaired_loss)]
    return [*shares, *losses, f"{sum(seconds) / len(rows):.0f}"]


def told(values: Iterable[float], digits: int, unit: str) -> str:
    """Return the mean of values, and of several the lowest and the highest."""
    each = sorted(values)
    mean = f"{sum(each) / len(each):.{digits}f}{unit}"
    return mean if len(each) == 1 else f"{mean} ({each[0]:.{digits}f} to {each[-1]:.{digits}f})"


@click.command()
@click.argument(
    "checkpoints", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--only", multiple=True, help="Only this row; may be repeated.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Runs on each pair.")
@click.option("--args", "more", default="", help="More arguments of lmctool barrier, as one text.")
def main(checkpoints: tuple[Path, ...], only: tuple[str, ...], seeds: int, more: str) -> None:
    """Print the table for pairs of checkpoints, given one after the other."""
    if len(checkpoints) % 2:
        raise click.UsageError("checkpoints come in pairs")
    click.echo(f"{HEAD}\n|---|---|---|---|---|---|---|")
    for kind, pairs in kinds(checkpoints).items():
        for name, words in aligners().items():
            if only and name not in only:
                continue
            rows = [
                measure(a, b, [*words, *seeded(seed), *shlex.split(more)])
                for a, b in pairs
                for seed in range(seeds)
            ]
            click.echo(f"| {kind} | `{name}` | {' | '.join(cells(rows))} |")


def seeded(seed: int) -> list[str]:
    """Return the arguments that draw everything of a run from a seed; 0 is the one by itself."""
    return ["--seed", str(seed), "--subset-seed", str(seed)]


if __name__ == "__main__":
    main()
