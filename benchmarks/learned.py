"""What learned maps reach over the steps of their search, in what time, and with what memory.

Run ``python benchmarks/learned.py A0 A1 [B0 B1 ...] --args "--data text:FILE?length=64"`` with two
checkpoints for each pair.  Each row is one ``lmctool barrier A0 A1 --align learned --steps N`` in a
process of its own; 0 steps are the aligner that it starts from.  Seconds and memory are those of
the search, without what comes before and after it.  It prints a Markdown table and draws the curve.

``--memory WIDTH`` measures the peak on an untrained GPT-2 of that width instead, by batches of two
short texts: on small networks activations take far more than the weights.
"""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.report.scales import percent_axis
from lmctool.report.style import applied
from lmctool.results.file import read

if TYPE_CHECKING:
    from lmctool_plugins.aligners.learned.search import Course

GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""Else freed memory counts, too."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one search reached.

    Attributes:
        error: the error barrier, as a fraction.
        loss: the loss barrier, in nats.
        seconds: how long the search took.
        copies: the peak of memory during it, in copies of the weights, A and B among them.
    """

    error: float
    loss: float
    seconds: float
    copies: float


def resident(field: str) -> int:
    """Return bytes of memory that this process holds (VmRSS) or held at most (VmHWM); on Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def watched(words: list[str]) -> None:
    """Run a command of lmctool, and print the seconds and the peak of memory of its search."""
    from lmctool.cli import main
    from lmctool_plugins.aligners.learned.search import Search

    go = Search.go

    def measured(self: Search, steps: int, rate: float) -> Course:
        size = sum(tensor.nbytes for tensor in self.between.a.values())
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, begun = resident("VmRSS"), time.perf_counter()
        course = go(self, steps, rate)
        seconds, peak = time.perf_counter() - begun, resident("VmHWM") - before
        told = {"seconds": seconds, "copies": 3 + peak / size}  # A, B, and B permuted
        click.echo(f"search {json.dumps(told)}", err=True)
        return course

    Search.go = measured  # type: ignore[method-assign]
    sys.argv = ["lmctool", *words]
    main()


def measure(a: Path, b: Path, steps: int, start: str, arguments: list[str]) -> Row:
    """Return what a search of so many steps reaches; of none, its start."""
    learned = ["--align", "learned", "--start", start, "--steps", str(steps)]
    aligner = learned if steps else ["--align", start]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "barrier.h5"
        words = ["barrier", str(a), str(b), *aligner, *arguments, "-o", str(out)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.learned", "--watch", *words],
            capture_output=True,
            text=True,
            env={**os.environ, **GIVEN_BACK},
        )
        if done.returncode:
            raise SystemExit(f"lmctool {shlex.join(words)}\n{done.stderr}")
        summary = read(out).groups["barrier/summary"].variables
    row = list(summary["variant"].values).index("align")
    error, loss = (float(summary[f"barrier_{name}"].values[row, 0]) for name in ("error", "loss"))
    told = [line for line in done.stderr.splitlines() if line.startswith("search ")]
    search = json.loads(told[0].removeprefix("search ")) if told else {"seconds": 0, "copies": 0}
    return Row(error, loss, **search)


def wide(folder: Path, width: int) -> tuple[Path, Path]:
    """Write an untrained GPT-2 of four blocks twice, and return the paths."""
    import torch
    from safetensors.torch import save_model

    from lmctool.plugin import registry
    from lmctool.plugin.kinds import MODELS

    model = "transformers:GPT2LMHeadModel"
    arguments: dict[str, Any] = {"n_embd": width, "n_layer": 4, "n_head": 8, "vocab_size": 256}
    metadata = {
        "format": "pt",
        "lmctool.model": model,
        "lmctool.model_arguments": json.dumps(arguments),
    }
    paths = folder / "0.safetensors", folder / "1.safetensors"
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        module = registry.load(MODELS, "transformers").build(model, **arguments)
        save_model(module, str(path), metadata=metadata)
    return paths


def memory(width: int) -> Row:
    """Return the peak of a search on a GPT-2 of some width, untrained."""
    with tempfile.TemporaryDirectory() as folder:
        (text := Path(folder) / "text.txt").write_text("in the beginning was the word. " * 200)
        data = ["--data", f"text:{text}?length=16", "--allow-chance", "--limit", "20"]
        few = ["--points", "3", "--calib-size", "40", "--batch", "2"]
        return measure(*wide(Path(folder), width), 4, "identity", [*data, *few])


def draw(found: dict[str, dict[int, Row]]) -> Any:
    """Return a figure: the error barrier over the steps, one line for each pair."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, rows in found.items():
        axes.plot(list(rows), [row.error for row in rows.values()], label=name)
    every = sorted({steps for rows in found.values() for steps in rows})
    axes.set_xscale("symlog", base=2, linthresh=min(filter(None, every), default=1))
    axes.set_xticks(every, [str(steps) for steps in every])
    axes.minorticks_off()
    axes.set(xlabel="steps of the search", ylabel="error barrier", ylim=(0, None))
    percent_axis(axes.yaxis)
    axes.legend()
    return figure


@click.command()
@click.argument("checkpoints", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--steps", "counts", type=int, multiple=True, default=(0, 50, 100, 200, 400, 800))
@click.option("--start", default="procrustes", show_default=True)
@click.option("--name", "names", multiple=True, help="What each pair is called.")
@click.option("--args", "more", multiple=True, help="More arguments of lmctool barrier, by pair.")
@click.option("--memory", "width", type=int, help="Measure the peak on a GPT-2 of this width.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("learned.png"))
def main(
    checkpoints: tuple[Path, ...],
    counts: tuple[int, ...],
    start: str,
    names: tuple[str, ...],
    more: tuple[str, ...],
    width: int | None,
    out: Path,
) -> None:
    """Print barriers, seconds and copies of the weights over steps, and draw the barriers."""
    if width is not None:
        click.echo(f"{memory(width).copies:.1f} copies of the weights")
        return
    pairs = list(zip(checkpoints[::2], checkpoints[1::2], strict=True))
    if not pairs:
        raise click.UsageError("name two checkpoints for each pair")
    found: dict[str, dict[int, Row]] = {}
    click.echo("| pair | steps | error barrier | loss barrier | seconds |\n|---|---|---|---|---|")
    for place, (a, b) in enumerate(pairs):
        name = names[place] if place < len(names) else f"{a.stem}, {b.stem}"
        arguments = shlex.split(more[place % len(more)]) if more else []
        found[name] = {}
        for steps in counts:
            row = found[name][steps] = measure(a, b, steps, start, arguments)
            cells = f"{100 * row.error:.1f} % | {row.loss:.3f} | {row.seconds:.0f}"
            click.echo(f"| {name} | {steps} | {cells} |")
    with applied():
        draw(found).savefig(out)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        watched(sys.argv[2:])
    else:
        main()
