"""The residual networks of the page: one for each intervention of the paper's Table 1 and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from images import part_of
from reading import text, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from steps import Steps, Word

BLOCKS = ("layer1", "layer2", "layer3")
"""What the paper calls convolutional blocks; its ResNet-18 has four."""
RISE = 0.05
"""What counts as a barrier here: a rise of the loss by more than this share of its least value
before; the paper gives no threshold."""


@dataclass(frozen=True)
class Size:
    """How much is trained and measured.

    Attributes:
        data: a registered dataset of images.
        shrink: how much smaller they are made.
        tested: test images.
        seeds: networks of each kind.
        limit: training examples of each.
        fewer: those of the intervention "less data".
        other: those of the pre-trained network, which no other network sees.
        wrong: randomly labelled examples of the adversarial network.
        wrong_epochs: its epochs.
        epochs: of all other networks; of the pre-trained one, half of them.
        decay: the weight decay of the network from scratch.
        perceptron: epochs of perceptrons on images.
        spiral: epochs of perceptrons on the spiral.
        points: on a path.
        measured: training examples that each point is measured on.
    """

    data: str
    shrink: int
    tested: int
    seeds: int
    limit: int
    fewer: int
    other: int
    wrong: int
    wrong_epochs: int
    epochs: int
    decay: float
    perceptron: int
    spiral: int
    points: int
    measured: int


@dataclass(frozen=True)
class Networks:
    """What was trained.

    Attributes:
        initial: by intervention, the states that training started from, one of each seed.
        final: by intervention, the states after it.
    """

    initial: Mapping[str, tuple[Path, ...]]
    final: Mapping[str, tuple[Path, ...]]

    @classmethod
    def of(cls, folder: Path, trained: Iterable[tuple[str, int]]) -> Networks:
        """Return the networks of these interventions and seeds."""
        final: dict[str, tuple[Path, ...]] = {}
        for name, seed in trained:
            path = folder / f"{called(name, seed)}.safetensors"
            final[name] = (*final.get(name, ()), path)
        initial = {
            name: tuple(path.with_stem(f"{path.stem}-step0") for path in paths)
            for name, paths in final.items()
        }
        return cls(initial, final)


def images(steps: Steps, size: Size, other: bool = False) -> str:
    """Return the data spec of the images, or of those of the pre-training."""
    first, last = (size.limit, size.limit + size.other) if other else (0, size.limit)
    path = steps.folder / ("other.npz" if other else "images.npz")
    return part_of(path, size.data, slice(first, last), slice(size.tested), size.shrink).name


def common(steps: Steps, size: Size) -> tuple[Word, ...]:
    """Return the options that hold where an intervention says nothing else."""
    return (
        "--model", "resnet20", "--initial", "torch", "--data", images(steps, size),
        "--epochs", size.epochs, "--batch-size", 64,
        "--weight-decay", size.decay, "--save-at", 0,
    )  # fmt: skip


def from_scratch(size: Size) -> dict[str, tuple[Word, ...]]:
    """Return the options of each intervention whose networks start at random."""
    constant = ("--schedule", "constant", "--warmup", 0)
    fixup = ("--model-arg", "norm=fixup", "--initial", "own", "--optimizer", "adam")
    return {
        "scratch": (),
        "no decay": ("--weight-decay", 0),
        "little decay": ("--weight-decay", size.decay / 10),
        "much decay": ("--weight-decay", size.decay * 4),
        "high rate": (*constant, "--lr", 0.1),
        "middle rate": (*constant, "--lr", 0.01),
        "low rate": (*constant, "--lr", 0.001),
        "less data": ("--limit", size.fewer, "--epochs", size.epochs * size.limit // size.fewer),
        "augmentation": ("--augment", "flip+crop"),
        "deeper": ("--model", "resnet32"),
        "no BatchNorm": (*fixup, "--lr", 0.002, "--weight-decay", 0),
    }


def parents(steps: Steps, size: Size) -> dict[str, tuple[Word, ...]]:
    """Return the options of the networks that others start from."""
    many = ("--data", images(steps, size, other=True))
    wrong = ("--label-noise", 1, "--limit", size.wrong, "--weight-decay", 0, "--lr", 0.05)
    return {
        "pretrained": (*many, "--epochs", max(1, size.epochs // 2), "--seed", 100),
        "adversarial": (*wrong, "--epochs", size.wrong_epochs, "--seed", 100),
    }


def grafts(seed: int) -> dict[str, tuple[Word, ...]]:
    """Return the words of lmctool that make each initial state out of two others."""
    random, trained = f"scratch-{seed}-step0.safetensors", f"scratch-{seed}.safetensors"
    known, wrong = "pretrained.safetensors", "adversarial.safetensors"
    made: dict[str, tuple[Word, ...]] = {
        "pre-trained": ("graft", known, "--from", random, "--layers", "fc")
    }
    for number, block in enumerate(BLOCKS, start=1):
        taken = ("--by", "group", "--layers", block)
        head = ("--by", "group", "--layers", f"{block},fc")
        made[f"T-All but RI-{number}"] = ("graft", trained, "--from", random, *taken)
        made[f"P-All but RI-{number}"] = ("graft", known, "--from", random, *head)
        made[f"random labels in {number}"] = ("graft", random, "--from", wrong, *taken)
    return made


def on_the_path(steps: Steps, size: Size, seed: int) -> dict[str, tuple[Word, ...]]:
    """Return the words that make initial states of a barrier, if there is one.

    They are the peak of the path to the network trained without weight decay, and a tenth of the
    path before and behind it.
    """
    path: tuple[Word, ...] = (
        "interpolate", f"no-decay-{seed}-step0.safetensors", f"no-decay-{seed}.safetensors",
        "--data", images(steps, size), "--split", "train", "--limit", size.measured,
        "--points", 11, "--rise", RISE, "--allow-chance",
    )  # fmt: skip
    found = steps.measure(f"peak-{seed}", *path)
    if text(found, "interpolate/shape/shape_loss") != "barrier":
        return {}
    peak = value(found, "interpolate/shape/alpha_loss")
    places = {"before": peak - 0.1, "at": peak, "behind": peak + 0.1}
    return {
        f"{place} the barrier": (*path, "--save-at", f"{alpha:.1f}")
        for place, alpha in places.items()
        if 0 < alpha < 1
    }


def onwards(name: str) -> tuple[Word, ...]:
    """Return the options of an intervention whose networks start from another one's state."""
    if "barrier" in name or "random" in name:
        return ("--weight-decay", 0)
    return ("--lr", 0.01) if name == "pre-trained" else ()


def called(name: str, seed: int) -> str:
    """Return what a network's file is called, without suffix."""
    return f"{name.replace(' ', '-')}-{seed}"


def train(steps: Steps, size: Size) -> Networks:
    """Train all networks of a size: those from scratch first, then those that start from them."""
    seeds = range(size.seeds)
    always = common(steps, size)
    plain = from_scratch(size)
    first = {called(name, seed): (*plain[name], "--seed", seed) for name in plain for seed in seeds}
    wanted = {**parents(steps, size), **first}
    steps.train_all({name: (*always, *options) for name, options in wanted.items()})
    words = {
        (name, seed): each
        for seed in seeds
        for name, each in {**grafts(seed), **on_the_path(steps, size, seed)}.items()
    }
    steps.measure_all({f"start-{called(*key)}": each for key, each in words.items()})
    begins = {key: f"start-{called(*key)}.safetensors" for key in words}
    begins |= {("random labels", seed): "adversarial.safetensors" for seed in seeds}
    second = {
        called(name, seed): (*always, *onwards(name), "--seed", seed, "--init", start)
        for (name, seed), start in begins.items()
    }
    steps.train_all(second)
    return Networks.of(steps.folder, [*((name, seed) for name in plain for seed in seeds), *begins])
