"""Figure 1A and Figure A17: perceptrons on images and on the spiral."""

from __future__ import annotations

from typing import TYPE_CHECKING

from networks import RISE
from page import Section, table
from reading import pick, text, value
from verdict import Finding, judged

if TYPE_CHECKING:
    from pathlib import Path

    from networks import Size
    from steps import Steps, Word

ADAM: tuple[Word, ...] = (
    "--model", "mlp", "--optimizer", "adam", "--lr", 5e-4, "--weight-decay", 0,
    "--schedule", "constant", "--warmup", 0, "--save-at", 0,
)  # fmt: skip


def trained(steps: Steps, size: Size) -> None:
    """Train two hidden layers of 50 units on images and on the spiral, and wider and deeper."""
    narrow = ("--model-arg", "depth=2", "--model-arg", "width=50")
    spiral = (*ADAM, "--data", "spiral", "--batch-size", 500, "--epochs", size.spiral)
    pictures = (*ADAM, "--data", size.data, "--epochs", size.perceptron, "--limit", 20_000)
    steps.train_all(
        {
            "images": (*pictures, *narrow),
            "images-other": (*pictures, *narrow, "--seed", 1, "--epochs", 0),
            "spiral": (*spiral, *narrow),
            "spiral-other": (*spiral, *narrow, "--seed", 1, "--epochs", 0),
            "spiral-wide": (*spiral, "--model-arg", "depth=2", "--model-arg", "width=250"),
            "spiral-deep": (*spiral, "--model-arg", "depth=4", "--model-arg", "width=50"),
        }
    )


def figure_1a(steps: Steps, size: Size) -> Section:
    """Follow the paths to the trained perceptrons from their own and from another start."""
    settings = ("--split", "train", "--points", 51, "--limit", 5_000, "--rise", RISE)
    results = steps.measure_all(
        {
            f"path-{name}": (
                "interpolate", f"{name}-step0.safetensors", f"{name}.safetensors",
                "--also", f"{name}-other.safetensors", *settings, "--allow-chance",
            )
            for name in ("images", "spiral")
        }
    )  # fmt: skip
    rows = [
        (data, start, curve(path, place), *(f"{number(path, key, place):.3f}" for key in KEYS))
        for data, path in results.items()
        for place, start in enumerate(("own start", "another random start"))
    ]
    picture, spiral = results.values()
    return Section(
        "Figure 1A: a perceptron on images and on the spiral",
        "On MNIST the loss of a perceptron (two hidden layers of 50, ReLU, Adam at 5e-4) falls"
        " all the way from the initial to the final state, and from any other random state too."
        " On the spiral the same network meets barriers, higher than the initial loss, and"
        " higher still from another random state.",
        f"The paper's network and optimiser; Fashion-MNIST in place of MNIST ({size.perceptron}"
        f" epochs, at most 20,000 images), and our spirals ({size.spiral} epochs). Loss on at"
        " most 5,000 training examples. The paper's equation of the spirals was not at hand.",
        tuple(steps.command(path) for path in results.values()),
        (table(("path", "from", "shape", "start", "highest", "end"), rows),),
        tuple((path.with_suffix(".png"), f"Paths: {name}") for name, path in results.items()),
        (
            Finding(
                "images: monotone from the own start and from another one",
                judged({curve(picture, place) for place in (0, 1)} == {"monotone"}),
                ", ".join(curve(picture, place) for place in (0, 1)),
            ),
            Finding(
                "spiral: the loss rises above its initial level",
                judged(number(spiral, "highest", 0) > (1 + RISE) * number(spiral, "start", 0)),
                f"{number(spiral, 'start', 0):.3f} to {number(spiral, 'highest', 0):.3f} nats",
            ),
            Finding(
                "spiral: higher still from another random start",
                judged(number(spiral, "highest", 1) > number(spiral, "highest", 0)),
                f"{number(spiral, 'highest', 1):.3f} nats",
            ),
        ),
    )


def figure_a17(steps: Steps, size: Size) -> Section:
    """Follow each layer of perceptrons on the spiral alone."""
    names = ("spiral", "spiral-deep", "spiral-wide")
    done = steps.measure_all(
        {
            f"layers-{name}": (
                "layerwise", f"{name}-step0.safetensors", f"{name}.safetensors",
                "--split", "train", "--points", 21, "--rise", RISE, "--allow-chance",
            )
            for name in names
        }
    )  # fmt: skip
    results = dict(zip(names, done.values(), strict=True))
    rises = {name: layer_rises(path) for name, path in results.items()}
    whole = {name: value(path, "layerwise/full/delta_loss") for name, path in results.items()}
    layers = list(rises["spiral-deep"])
    rows = [
        (name, *(f"{each[layer]:.3f}" if layer in each else "" for layer in layers), f"{full:.3f}")
        for (name, each), full in zip(rises.items(), whole.values(), strict=True)
    ]
    narrow = rises["spiral"]
    first, *_, last = narrow
    deep = list(rises["spiral-deep"].values())
    return Section(
        "Figure A17: the layers of perceptrons",
        "The layers near the input have barriers, those near the output fall monotonically;"
        " more units in the layers that have barriers remove the barrier of the whole network,"
        " and fewer in the others bring none.",
        "The spiral; the network of Figure 1A, one of four hidden layers, and one of width 250."
        " The built-in perceptron has one width for all layers, so that the middle and the right"
        " panel can be redone for all layers at once only. The numbers are the largest rise of"
        " the training loss (Delta, nats) while one layer goes from its initial to its final"
        " state.",
        tuple(steps.command(path) for path in results.values()),
        (table(("network", *layers, "whole path"), rows),),
        ((results["spiral-deep"].with_suffix(".png"), "Layers of the deeper perceptron"),),
        (
            Finding(
                "the first layer has a higher barrier than the last",
                judged(narrow[first] > narrow[last]),
                f"{narrow[first]:.3f} against {narrow[last]:.3f} nats",
            ),
            Finding(
                "four hidden layers: a higher barrier near the input than near the output",
                judged(max(deep[:2]) > max(deep[-2:])),
                ", ".join(f"{each:.3f}" for each in deep),
            ),
            Finding(
                "wider layers lower the barrier of the whole network",
                judged(whole["spiral-wide"] < whole["spiral"]),
                f"{whole['spiral-wide']:.3f} against {whole['spiral']:.3f} nats",
            ),
        ),
    )


def layer_rises(path: Path) -> dict[str, float]:
    """Return the rise of the loss on the path of each layer, in the order of the network."""
    parts = pick(path, "layerwise/summary/part")
    return {str(part): value(path, "layerwise/summary/delta_loss", part=part) for part in parts}


KEYS = ("start", "highest", "end")


def number(path: Path, key: str, pair: int) -> float:
    """Return a loss of one of the paths of a result: at its start, its highest, at its end."""
    name = pick(path, "interpolate/curve/pair")[pair]
    if key == "highest":
        return value(path, "interpolate/shape/highest_loss", pair=name)
    return float(pick(path, "interpolate/curve/loss", pair=name)[{"start": 0, "end": -1}[key]])


def curve(path: Path, pair: int) -> str:
    """Return the shape of the loss on one of the paths of a result."""
    name = pick(path, "interpolate/curve/pair")[pair]
    return text(path, "interpolate/shape/shape_loss", pair=name)


def perceptrons(steps: Steps, size: Size) -> tuple[Section, ...]:
    """Return the sections of this part."""
    trained(steps, size)
    return figure_1a(steps, size), figure_a17(steps, size)
