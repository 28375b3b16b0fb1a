"""How the cost of commands grows with the work: tensors, files, networks, examples, width.

Each command runs in a process of its own on made-up files of several sizes, the smallest of which
tells what starting it costs; what is told is its processor time beyond that, and the exponent by
which it grows over the upper half of sizes, beside that of the mathematics: 1, but for the pairs of
many networks (2), and for width, which weights grow with as its square and assignments as its cube.

Run ``python -m benchmarks.growth``; it prints a Markdown table, and exits with 1 where an exponent
is over the mathematics' by more than ``ALLOWED``.  ``--limit`` seconds of one command end its
sizes, ``--most`` leaves out those that are greater.  It needs Linux, and disk of a few hundred
megabytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ALLOWED = 0.1
"""What an exponent may be over that of the mathematics."""
HEARD = 0.15
"""The share of a start that a command must take beyond it, to be told from its noise."""
EXPERTS = 8
"""Tensors of one block."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Commands over one size of the work.

    Attributes:
        size: what grows.
        sizes: how large it is, the first that of a run that is nearly all start.
        make: writes the files of a size into an empty folder, and returns the arguments of each
            command there by its name.
        exponent: what the mathematics says at most.
    """

    size: str
    sizes: tuple[int, ...]
    make: Callable[[Path, int], dict[str, list[str]]]
    exponent: float = 1.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run took: processor seconds, and megabytes at most."""

    seconds: float
    memory: float


def write_tensors(path: Path, names: Sequence[str], seed: int) -> None:
    """Write a safetensors file of one small matrix for each name."""
    values = np.random.default_rng(seed).standard_normal((len(names), 2, 4), dtype=np.float32)
    tensors = {name: values[row] for row, name in enumerate(names)}
    save_file(tensors, path, metadata={"format": "pt"})


def tensor_names(count: int) -> list[str]:
    """Return names of the tensors of a mixture of experts."""
    return [f"layers.{n // EXPERTS}.experts.{n % EXPERTS}.weight" for n in range(count)]


def of_tensors(folder: Path, count: int) -> dict[str, list[str]]:
    """Write two checkpoints of many tensors, and one of PyTorch's."""
    import torch

    names = tensor_names(count)
    for seed, letter in enumerate("ab"):
        write_tensors(folder / f"{letter}.safetensors", names, seed)
    torch.save({name: torch.ones(2, 4) for name in names}, folder / "c.pt")
    return {
        "distance": ["distance", "a.safetensors", "b.safetensors"],
        "graft": ["graft", "a.safetensors", "--from", "b.safetensors", "--layers", "layers.1*"],
        "merge": ["merge", "a.safetensors", "b.safetensors"],
        "inspect": ["inspect", "a.safetensors"],
        "convert": ["convert", "c.pt", "-o", "out.safetensors"],
        "report of distance": ["report", "distance.h5", "-o", "page.html"],
    }


def of_files(folder: Path, count: int) -> dict[str, list[str]]:
    """Write two checkpoints of many shards, each of a few tensors."""
    for seed, letter in enumerate("ab"):
        place = folder / letter
        place.mkdir()
        shard_of: dict[str, str] = {}
        for number in range(count):
            file = f"model-{number + 1:05}-of-{count:05}.safetensors"
            names = [f"layers.{number}.{word}.weight" for word in ("one", "two")]
            write_tensors(place / file, names, 2 * number + seed)
            shard_of |= dict.fromkeys(names, file)
        index = json.dumps({"metadata": {}, "weight_map": shard_of})
        (place / "model.safetensors.index.json").write_text(index)
    return {"distance": ["distance", "a", "b"], "merge": ["merge", "a", "b"]}


def of_networks(folder: Path, count: int) -> dict[str, list[str]]:
    """Write as many tiny perceptrons."""
    names = [write_mlp(folder, number, width=8) for number in range(count)]
    few = ["--points", "3", "--limit", "20", "--allow-chance", "--restarts", "1"]
    return {
        "matrix": ["matrix", *names, "--align", "weight", *few],
        "show of matrix": ["show", "matrix.h5"],
        "report of matrix": ["report", "matrix.h5", "-o", "page.html"],
        "aggregate of matrix": ["aggregate", "matrix.h5", "--over", "pair", "-o", "mean.h5"],
    }


def of_rows(folder: Path, count: int) -> dict[str, list[str]]:
    """Write two perceptrons, and as many examples."""
    random = np.random.default_rng(0)
    np.savez(
        folder / "rows.npz",
        x=random.standard_normal((count, 64), dtype=np.float32),
        y=np.arange(count) % 10,
    )
    pair = [write_mlp(folder, number, width=8) for number in range(2)]
    words = ["--data", "rows.npz", "--points", "5", "--allow-chance"]
    return {"barrier": ["barrier", *pair, *words]}


def of_width(folder: Path, width: int) -> dict[str, list[str]]:
    """Write two perceptrons of a width."""
    pair = [write_mlp(folder, number, width) for number in range(2)]
    return {
        "align": ["align", *pair, "--aligner", "weight", "--restarts", "1", "--allow-chance"],
        "barrier": ["barrier", *pair, "--points", "5", "--allow-chance"],
    }


def write_mlp(folder: Path, number: int, width: int) -> str:
    """Write a perceptron of random weights for the embedded digits; return its name."""
    random, inputs = np.random.default_rng(number), 64
    shapes = {"layers.0": (width, inputs), "layers.1": (width, width), "classifier": (10, width)}
    tensors: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    for name, shape in shapes.items():
        scale = np.float32((2 / shape[1]) ** 0.5)
        tensors[f"{name}.weight"] = scale * random.standard_normal(shape, dtype=np.float32)
        tensors[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    arguments = json.dumps({"inputs": inputs, "width": width, "depth": 2})
    about = {"lmctool.model": "mlp", "lmctool.model_arguments": arguments, "lmctool.data": "digits"}
    name = f"net{number:03}.safetensors"
    save_file(tensors, folder / name, metadata={"format": "pt", **about})
    return name


GROWTHS = {
    "tensors": Growth("tensors", (10, 2_500, 10_000, 50_000, 200_000), of_tensors),
    "files": Growth("shards", (2, 125, 250, 500, 1_000), of_files),
    "networks": Growth("networks", (2, 25, 50, 100, 200), of_networks, 2),
    "rows": Growth("examples", (100, 10_000, 100_000, 300_000, 1_000_000), of_rows),
    "width": Growth("width", (8, 256, 512, 1_024, 2_048), of_width, 3),
}


def spent(arguments: Sequence[str], folder: Path) -> Spent:
    """Run a command in a folder, on one thread, and return what it took.

    Raises:
        SystemExit: it failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lmctool", *arguments]
    if arguments[0] not in {"inspect", "show"}:
        command += ["--force"]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        said = (folder / "log").read_text(errors="replace").strip().splitlines()
        raise SystemExit(f"{' '.join(arguments[:3])} ... failed: {said[-1] if said else ''}")
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def measured(
    growth: Growth,
    limit: float,
    repeats: int = 1,
    run: Callable[[Sequence[str], Path], Spent] = spent,
) -> dict[str, dict[int, Spent]]:
    """Return what each command took, by size.

    Args:
        growth: what grows.
        limit: seconds of processor time of a command beyond which no larger size is tried.
        repeats: how often each is run, of which the quickest counts.
        run: runs a command.
    """
    found: dict[str, dict[int, Spent]] = {}
    over: set[str] = set()
    for size in growth.sizes:
        with TemporaryDirectory() as temporary:
            for name, arguments in growth.make(Path(temporary), size).items():
                _, _, needed = name.partition(" of ")
                if name in over or needed in over:
                    continue
                runs = [run(arguments, Path(temporary)) for _ in range(repeats)]
                own = min(runs, key=lambda each: each.seconds)
                found.setdefault(name, {})[size] = own
                if own.seconds > limit:
                    over.add(name)
    return found


def exponent(taken: dict[int, Spent]) -> float:
    """Return by which power processor time beyond the start grows over the upper half of sizes.

    NaN where fewer than two of them take so much longer than a start that it is no noise.
    """
    start, *more = taken.items()
    least = HEARD * start[1].seconds
    beyond = [(size, own.seconds - start[1].seconds) for size, own in more]
    upper = [
        (size, seconds) for size, seconds in beyond[-(len(beyond) // 2 + 1) :] if seconds > least
    ]
    if len(upper) < 2:
        return float("nan")
    size, seconds = np.log(np.array(upper).T)
    return float(np.polyfit(size, seconds, 1)[0])


def rows(growth: Growth, found: dict[str, dict[int, Spent]]) -> list[str]:
    """Return the rows of a table, one for each command."""
    told = []
    for name, taken in found.items():
        start, last = next(iter(taken.items())), list(taken.items())[-1]
        beyond = [(size, own.seconds - start[1].seconds) for size, own in taken.items()]
        power = exponent(taken)
        seconds = ", ".join(f"{size:,}: {own:.1f}" for size, own in beyond[1:])
        told.append(
            f"| {name} | {growth.size} | {seconds} | {start[1].seconds:.1f} |"
            f" {last[1].memory:.0f} | {f'**{power:.2f}**' if np.isfinite(power) else '-'} |"
            f" {growth.exponent:g} |"
        )
    return told


@click.command()
@click.option("--only", multiple=True, type=click.Choice([*GROWTHS]), help="Repeatable.")
@click.option("--limit", type=float, default=300, show_default=True, help="Seconds of one run.")
@click.option("--repeats", default=1, show_default=True, help="Runs, of which the best counts.")
@click.option("--most", type=int, default=10**9, show_default=True, help="The greatest size.")
def main(only: tuple[str, ...], limit: float, repeats: int, most: int) -> None:
    """Print how the cost of commands grows; exit with 1 where it grows faster than the work."""
    click.echo(
        "| command | over | seconds beyond the start | start, s | MB at most | exponent"
        " | mathematics |\n|---|---|---|---|---|---|---|"
    )
    faster = False
    for name in only or GROWTHS:
        own = GROWTHS[name]
        sizes = tuple(size for size in own.sizes if size <= most)
        found = measured(Growth(own.size, sizes, own.make, own.exponent), limit, repeats)
        for row in rows(own, found):
            click.echo(row)
        faster |= any(exponent(taken) > own.exponent + ALLOWED for taken in found.values())
    raise SystemExit(faster)


if __name__ == "__main__":
    main()
