"""Peak memory of the main command, in copies of the weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.speed.subject import run, write_images, write_pair
from benchmarks.weights import anonymous, watched

WIDTH = 2048
PYTHON = ("env", "MALLOC_MMAP_THRESHOLD_=1000000", sys.executable)


def copies(folder: Path) -> float:
    """Return how many copies of the weights the main command holds at most, on a CPU.

    Anonymous memory at the peak of a process that follows all three variants of a path, less what
    one holds that has evaluated the model with its own weights alone; both have the data and the
    graph, and give freed memory back to the system at once.
    """
    pair = write_pair(folder, "MLP", width=WIDTH)
    images = write_images(folder, 500, 500)
    size = sum(tensor.nbytes for tensor in run(pair, images, "cpu", 500).weights(0).values())
    paths = [*map(str, (*pair, images))]
    begin = [*PYTHON, "-m", "benchmarks.speed.memory"]
    model = subprocess.run([*begin, "model", *paths], check=True, capture_output=True, text=True)
    most = watched([*begin, "command", *paths], os.environ)
    return (most - float(model.stdout)) * 1e6 / size


def main(word: str, a: str, b: str, images: str) -> None:
    """Evaluate the model alone and print the megabytes held, or follow all variants of the path."""
    work = run((Path(a), Path(b)), Path(images), "cpu", 500)
    if word == "model":
        (split,) = work.splits
        with torch.no_grad():
            work.resources.module(split.head(500, torch.float32))
        print(anonymous(os.getpid()))
        return
    work.follow(work.variants(), torch.linspace(0, 1, 5, dtype=torch.float64).numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
