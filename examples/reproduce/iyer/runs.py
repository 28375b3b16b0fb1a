"""The runs of the page: parents, their children on other SGD noise, and interpolants trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from images import part_of

if TYPE_CHECKING:
    from pathlib import Path

    from steps import Steps, Word

BATCH = 64
RATE = 0.1


@dataclass(frozen=True)
class Size:
    """How much is trained and measured.

    Attributes:
        data: a registered dataset of images.
        shrink: how much smaller they are made.
        limit: training images.
        tested: test images.
        model: a registered model.
        seeds: parents.
        forks: the steps of a parent after which children are made (the paper's k).
        epochs: of a child.
        merged: (k, s) in steps: interpolants of children after s steps that are trained on.
        further: epochs of these.
    """

    data: str
    shrink: int
    limit: int
    tested: int
    model: str
    seeds: int
    forks: tuple[int, ...]
    epochs: int
    merged: tuple[tuple[int, int], ...]
    further: int

    @property
    def epoch(self) -> int:
        """The steps of one epoch."""
        return max(1, self.limit // BATCH)

    @property
    def saved(self) -> tuple[int, ...]:
        """The steps at which a child is saved: some in the first epoch, then after each."""
        early = {0, self.epoch // 4, self.epoch // 2}
        return tuple(sorted(early | {epoch * self.epoch for epoch in range(self.epochs + 1)}))

    @property
    def saved_further(self) -> tuple[int, ...]:
        """The steps at which an interpolant that is trained on is saved."""
        return tuple(step for step in self.saved if step <= self.further * self.epoch)


def images(steps: Steps, size: Size) -> str:
    """Return the data spec."""
    path = steps.folder / "images.npz"
    return part_of(path, size.data, slice(size.limit), slice(size.tested), size.shrink).name


def common(steps: Steps, size: Size) -> tuple[Word, ...]:
    """Return the options of all runs."""
    return (
        "--model", size.model, "--data", images(steps, size), "--batch-size", BATCH,
        "--lr", RATE, "--warmup", 0,
    )  # fmt: skip


def at(steps: tuple[int, ...]) -> str:
    """Return steps as ``--save-at`` takes them."""
    return ",".join(map(str, steps))


def child(fork: int, seed: int, which: str) -> str:
    """Return what one of two children is called."""
    return f"k{fork}-{seed}-{which}"


def merged(fork: int, after: int, seed: int) -> str:
    """Return what the interpolant of two children is called."""
    return f"k{fork}-s{after}-{seed}"


def train_children(steps: Steps, size: Size) -> None:
    """Train each parent and two children of it from each fork, which see other orders of data."""
    seeds, always = range(size.seeds), common(steps, size)
    last = -(-max(size.forks) // size.epoch)
    kept = ("--epochs", max(1, last), "--schedule", "constant", "--save-at", at(size.forks))
    steps.train_all({f"parent-{seed}": (*always, *kept, "--seed", seed) for seed in seeds})
    children = ("--epochs", size.epochs, "--schedule", "drops", "--save-at", at(size.saved))
    steps.train_all(
        {
            child(fork, seed, which): (
                *always, *children, "--init", f"parent-{seed}-step{fork}.safetensors",
                "--data-seed", 1000 + 10 * seed + number,
            )
            for fork in size.forks
            for seed in seeds
            for number, which in enumerate("ab")
        }
    )  # fmt: skip


WAYS: dict[str, tuple[Word, ...]] = {
    "on": (),
    "dropped": ("--lr", RATE / 10),
    "warmed": ("--warmup", 1 / 3),
}
"""How interpolants are trained on: at the children's rate, at a tenth of it, or rising to it."""


def train_interpolants(steps: Steps, size: Size) -> None:
    """Merge children, and train the interpolants on; the first one in all ways."""
    seeds, always = range(size.seeds), common(steps, size)
    steps.measure_all(
        {
            merged(fork, after, seed): (
                "merge",
                *(f"{child(fork, seed, which)}-step{after}.safetensors" for which in "ab"),
                "--data", images(steps, size),
            )
            for fork, after in size.merged
            for seed in seeds
        }
    )  # fmt: skip
    kept = ("--epochs", size.further, "--schedule", "constant", "--save-at", at(size.saved_further))
    steps.train_all(
        {
            f"{way}-{merged(*pair, seed)}": (
                *always, *kept, "--init", f"{merged(*pair, seed)}.safetensors",
                "--data-seed", 2000 + seed, *options,
            )
            for pair in size.merged
            for seed in seeds
            for way, options in WAYS.items()
            if way == "on" or pair == size.merged[0]
        }
    )  # fmt: skip


def series(name: str) -> str:
    """Return the pattern of the checkpoints of one run."""
    return f"{name}-step*.safetensors"


def follow(steps: Steps, size: Size, way: str = "") -> dict[tuple[int, int, int], Path]:
    """Follow children and interpolants, and with a way the interpolants trained on in it.

    Returns:
        The result of ``lmctool trajectory`` by fork, step of the interpolant (0 without a way)
        and seed.
    """
    pairs = [(fork, 0) for fork in size.forks]
    if way:
        pairs = list(size.merged if way == "on" else size.merged[:1])
    names = {
        (fork, after, seed): f"{way or 'gain'}-{merged(fork, after, seed)}-trajectory"
        for fork, after in pairs
        for seed in range(size.seeds)
    }
    words = {
        name: (
            "trajectory", *(series(child(fork, seed, which)) for which in "ab"),
            "--data", images(steps, size), "--allow-chance",
            *onwards(way, fork, after, seed),
        )
        for (fork, after, seed), name in names.items()
    }  # fmt: skip
    done = steps.measure_all(words)
    return {key: done[name] for key, name in names.items()}


def onwards(way: str, fork: int, after: int, seed: int) -> tuple[Word, ...]:
    """Return the options that add an interpolant trained on, if there is one."""
    if not way:
        return ()
    return ("--then", series(f"{way}-{merged(fork, after, seed)}"), "--then-at", after)
