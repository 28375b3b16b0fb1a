"""Merge networks of Fashion-MNIST by every method, and write the table of their test errors.

python examples/merging/make.py FOLDER

It trains six pairs of networks from different seeds and two sets of four that are fine-tuned from
one base, merges each as it is, aligned, and aligned with REPAIR, and writes FOLDER/table.md.  What
FOLDER holds already is not made again: a run that was interrupted goes on.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

import lmctool
from lmctool.api.advanced import letters

TRAIN = Path(__file__).parents[1] / "train.py"
MLP = "--model mlp --model-arg width=128 --model-arg depth=3"
VGG = "--model vgg11_bn --model-arg width=16"
SEEDS = range(4)
KINDS = {
    "mlp": f"{MLP} --epochs 6 --limit 10000 --lr 0.05",
    "vgg": f"{VGG} --epochs 4 --limit 6000 --lr 0.05",
    "resnet": "--model resnet20 --epochs 4 --limit 6000 --lr 0.1",
}
"""How the networks of pairs are trained, each from seeds 0 to 3."""
BASES = {
    "mlp": f"{MLP} --epochs 4 --limit 3000 --lr 0.05 --seed 0",
    "vgg": f"{VGG} --epochs 3 --limit 3000 --lr 0.05 --seed 0",
}
TUNED = {
    "mlp": [  # one task, in four ways
        f"{MLP} --epochs 3 --limit 10000 --seed {number + 1} {own}"
        for number, own in enumerate(
            ["--lr 0.02", "--lr 0.05 --augment crop", "--lr 0.1", "--lr 0.05 --label-noise 0.2"]
        )
    ],
    "vgg": [  # other shares of the classes
        f"{VGG} --epochs 2 --limit 6000 --lr 0.02 --seed {number + 1} --class-share {share}"
        for number, share in enumerate(["0.9", "0.9 --left-out", "0.7", "0.7 --left-out"])
    ],
}
"""How the networks of each set are fine-tuned from its base."""


@dataclass(frozen=True)
class Networks:
    """Networks to be merged.

    Attributes:
        name: what their column is called.
        files: the checkpoints.
        base: what they were fine-tuned from, if they were.
    """

    name: str
    files: tuple[str, ...]
    base: str | None = None


COLUMNS = (
    *(
        Networks(f"{kind} {n}, {n + 1}", (f"{kind}-{n}", f"{kind}-{n + 1}"))
        for kind in KINDS
        for n in (0, 2)
    ),
    *(
        Networks(
            f"4 of {kind}",
            tuple(f"{kind}-tuned-{n}" for n in range(4)),
            f"{kind}-base",
        )
        for kind in TUNED
    ),
)
SHARED: dict[str, Any] = {"data": "fashion-mnist", "limit": 2000, "calib_size": 500}
"""Of each merge: how many test examples it is measured on, and how many decide anything."""
TASK = ("task-arithmetic", "ties", "dare")
METHODS: dict[str, dict[str, Any]] = {
    "mean": {},
    "slerp": {},
    "task-arithmetic": {"scale": 0.3},
    "ties": {"density": 0.2},
    "dare": {"density": 0.5, "scale": 0.3},
    "fisher": {},
    "greedy-soup": {},
    "wise-ft": {"alphas": (0, 0.25, 0.5, 0.75, 1)},
}
"""The options of each method."""
NONE = "\N{EN DASH}"
"""What a cell says where a method has no such network."""
ROWS = {"plain": "raw", "align": "aligned", "align+repair": "aligned + REPAIR"}


@dataclass(frozen=True)
class Bench:
    """A folder of networks and of what they were merged into.

    Attributes:
        folder: the folder.
    """

    folder: Path

    def place(self, name: str) -> Path:
        """Return where a network is."""
        return self.folder / f"{name}.safetensors"

    def train(self, name: str, options: str, base: str | None = None) -> None:
        """Train a network, unless it is there."""
        if self.place(name).exists():
            return
        start = () if base is None else ("--init", str(self.place(base)))
        where = ("--data", "fashion-mnist", "-o", str(self.place(name)))
        click.echo(f"{name}: {options}")
        subprocess.run([sys.executable, TRAIN, *options.split(), *start, *where], check=True)

    def merged(self, name: str, files: tuple[str, ...], **options: Any) -> lmctool.Result:
        """Return the result of a merge, as of ``lmctool merge``, made unless it is there."""
        result = self.folder / f"{name}.h5"
        if result.exists():
            return lmctool.open(result)
        click.echo(f"{name}: {' '.join(files)} {options}")
        places = map(self.place, files)
        settings = {**SHARED, **options}
        return lmctool.merge(*places, out=result, resume=True, quiet=True, **settings)


def error(found: lmctool.Result, network: str) -> float:
    """Return the test error of a network of a merge.

    Of several alphas each variant has its own, by its own loss on the calibration examples.
    """
    if "merge/alphas" not in found.record.groups:
        return found.metrics[f"merge.error[network={network},split=test]"]
    alphas = found.record.groups["merge/alphas"].variables
    number = list(alphas["variant"].values).index(network)
    best = np.nanargmin(alphas["calibration"].values[number])
    return float(alphas["error"].values[number, 0, best])


def options_of(method: str) -> dict[str, Any]:
    """Return the options of a merge that gives all rows of a method."""
    return {"method": method, **METHODS[method], "align": True, "repair": True}


def networks_of(bench: Bench, column: Networks, method: str) -> tuple[str, ...]:
    """Return what a method merges: WiSE-FT goes from a base to the mean of what came of it."""
    if method != "wise-ft" or column.base is None:
        return column.files
    soup = f"soup of {column.name}"
    bench.merged(soup, column.files, method="mean")
    return column.base, soup


def cells(bench: Bench, column: Networks, method: str) -> dict[str, str]:
    """Return the test errors of what a method makes of networks, by row, in percent."""
    if method in TASK and column.base is None:
        return dict.fromkeys(ROWS, NONE)
    files = networks_of(bench, column, method)
    if method == "slerp" and len(files) != 2:
        return dict.fromkeys(ROWS, NONE)
    options = options_of(method)
    if method in TASK and column.base is not None:
        options["base"] = bench.place(column.base)
    found = bench.merged(f"{method} of {column.name}", files, **options)
    return {row: f"{error(found, row):.1%}" for row in ROWS}


def single(bench: Bench, column: Networks) -> tuple[str, str, str]:
    """Return the test error of the base, and the least and the greatest of the networks."""
    found = bench.merged(f"mean of {column.name}", column.files, **options_of("mean"))
    errors = [error(found, letter) for letter in letters(len(column.files))]
    base = NONE
    if column.base is not None:
        based = bench.merged(
            f"ties of {column.name}",
            column.files,
            base=bench.place(column.base),
            **options_of("ties"),
        )
        base = f"{error(based, 'base'):.1%}"
    return base, f"{min(errors):.1%}", f"{max(errors):.1%}"


def table(bench: Bench) -> str:
    """Return the table in Markdown, and make what it needs."""
    lines: list[tuple[str, ...]] = [("method", "networks", *(each.name for each in COLUMNS))]
    lines.append(tuple("---" for _ in lines[0]))
    body = [
        (method, each, [cells(bench, column, method) for column in COLUMNS])
        for method in METHODS
        for each in ROWS
    ]
    each = zip(*(single(bench, column) for column in COLUMNS), strict=True)
    names = ("the base", "the best", "the worst")
    lines += [("none", name, *own) for name, own in zip(names, each, strict=True)]
    lines += [(f"`{m}`", ROWS[row], *(cell[row] for cell in found)) for m, row, found in body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def main(folder: Path) -> None:
    """Train the networks, merge them, and write FOLDER/table.md."""
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(folder)
    for kind, options in KINDS.items():
        for seed in SEEDS:
            bench.train(f"{kind}-{seed}", f"{options} --seed {seed}")
    for kind, options in BASES.items():
        bench.train(f"{kind}-base", options)
        for number, own in enumerate(TUNED[kind]):
            bench.train(f"{kind}-tuned-{number}", own, f"{kind}-base")
    text = table(bench)
    (folder / "table.md").write_text(text, encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
