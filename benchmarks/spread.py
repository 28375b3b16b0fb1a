"""What spreading a run over workers gains, and what it costs.

Run ``python benchmarks/spread.py --workers 2``; it prints a Markdown table.  The subject is
``lmctool matrix`` of untrained ResNet20 on random images, each command in a process of its own and
with one thread of torch for each worker.  Ways are interleaved, and figures are medians.

- gain: the time of the command without workers over that of the same command with them;
- cost: how much longer an item takes on one worker than without, from two numbers of networks, so
  that what is paid once falls out;
- start: importing an executor's library, and from opening it to the first answer of a worker.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from safetensors.torch import save_file

from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS

RUN = "import sys; from lmctool.cli import main; main(sys.argv[1:])"
STARTED = (
    "import os, sys, time\n"
    "from lmctool.spread.pool import Pool\n"
    "if __name__ == '__main__':\n"
    "    begun = time.perf_counter()\n"
    "    pool = Pool.opened(sys.argv[1])\n"
    "    pool.executor.submit(os.getpid).result()\n"
    "    print(time.perf_counter() - begun)\n"
    "    pool.close()\n"
)
LIBRARIES = {"processes": "concurrent.futures.process", "dask": "distributed"}
MODEL = ("--model", "resnet20", "--model-arg", "channels=1")


def subject(folder: Path, networks: int, examples: int) -> None:
    """Write networks and the images that they are measured on."""
    family = registry.load(MODELS, "resnet20")
    for number in range(networks):
        torch.manual_seed(number)
        module = family.build("resnet20", channels=1)
        save_file(module.state_dict(), folder / f"{number}.safetensors")
    random = np.random.default_rng(0)
    x = random.normal(size=(examples, 1, 28, 28)).astype(np.float32)
    np.savez(folder / "test.npz", x=x, y=np.arange(examples) % 10)


def seconds(folder: Path, networks: int, executor: str) -> float:
    """Return how long a matrix of so many networks takes; without workers for an empty word."""
    files = [f"{number}.safetensors" for number in range(networks)]
    words = ["matrix", *files, *MODEL, "--data", "test.npz", "--allow-chance", "--force", "-q"]
    words += ["--executor", executor] if executor else []
    command = [sys.executable, "-c", RUN, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
    return time.perf_counter() - begun


def medians(
    folder: Path, ways: list[tuple[str, int]], repeats: int
) -> dict[tuple[str, int], float]:
    """Return the median time of each way (executor, networks), measured in turn."""
    times: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for executor, networks in ways:
            times[executor, networks].append(seconds(folder, networks, executor))
    return {way: statistics.median(taken) for way, taken in times.items()}


def started(executor: str, folder: Path) -> float:
    """Return how long it takes from opening an executor to the first answer."""
    script = folder / "started.py"
    script.write_text(STARTED)
    done = subprocess.run(
        [sys.executable, str(script), executor], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def imported(module: str) -> float:
    """Return how long the import of a library takes, beyond the start of Python."""

    def taken(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    return taken(f"import {module}") - taken("pass")


@click.command()
@click.option("--workers", type=click.IntRange(min=2), default=2, show_default=True)
@click.option("--networks", type=click.IntRange(min=4), default=8, show_default=True)
@click.option("--examples", type=click.IntRange(min=10), default=2000, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--executor", "executors", multiple=True, default=("processes", "dask"))
def main(
    workers: int, networks: int, examples: int, repeats: int, executors: tuple[str, ...]
) -> None:
    """Print what each executor gains and costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subject(folder, networks, examples)
        few = networks // 2
        ways = [("", networks), ("", few)]
        for executor in executors:
            ways += [(f"{executor}:{workers}", networks), (f"{executor}:1", networks)]
            ways += [(f"{executor}:1", few)]
        found = medians(folder, ways, repeats)
        more = math.comb(networks, 2) - math.comb(few, 2)
        item = (found["", networks] - found["", few]) / more
        click.echo(f"\n{math.comb(networks, 2)} pairs; an item takes {1000 * item:.0f} ms\n")
        click.echo("| executor | against no workers | cost of an item, ms | import, s | start, s |")
        click.echo("|---|---|---|---|---|")
        for executor in executors:
            gain = found["", networks] / found[f"{executor}:{workers}", networks]
            one = (found[f"{executor}:1", networks] - found[f"{executor}:1", few]) / more
            library = imported(LIBRARIES[executor]) if executor in LIBRARIES else math.nan
            start = started(f"{executor}:{workers}", folder)
            cost = 1000 * (one - item)
            row = f"{executor}:{workers}", f"{gain:.2f}", f"{cost:.0f}", f"{library:.1f}"
            click.echo(f"| {' | '.join(row)} | {start:.1f} |")


if __name__ == "__main__":
    main()
