"""The networks of the page and how each is trained: small for two cores, large for a GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from images import part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from steps import Steps

IMAGES = "images.npz"
ENDS = ("a", "b")
SHARE = 0.8
"""Of each class of the first half, in the first network's examples (REPAIR, section 5.4)."""
LAYERS = 10
"""Of the perceptrons whose width varies."""
ADAM = ("--initial", "he", "--optimizer", "adam", "--weight-decay", "0")
RATES = {
    "batch": ("--lr", "0.2"),
    "layer": ("--optimizer", "adam", "--lr", "0.002", "--weight-decay", "0"),
    "fixup": ("--optimizer", "adam", "--lr", "0.002", "--weight-decay", "0"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two networks that differ in their seeds, and maybe in their examples.

    Attributes:
        name: what both are called; ``-a`` and ``-b`` follow.
        data: the data spec of both.
        options: what train.py is told of both.
        own: what it is told of each alone.
    """

    name: str
    data: str
    options: tuple[str, ...]
    own: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def networks(self) -> dict[str, tuple[str, ...]]:
        """The options of each network, by name."""
        return {
            f"{self.name}-{end}": ("--data", self.data, *self.options, *own, "--seed", str(seed))
            for seed, (end, own) in enumerate(zip(ENDS, self.own, strict=True))
        }

    def words(self, analysis: str, *words: str) -> tuple[str, ...]:
        """Return the words of a measurement of this pair."""
        files = (f"{network}.safetensors" for network in self.networks)
        return (analysis, *files, "--data", self.data, *words)


@dataclass(frozen=True, slots=True)
class Size:
    """How large everything is.

    Attributes:
        images: a registered dataset of images.
        shrink: how much smaller they are made.
        learnt: training images.
        tested: test images.
        measured: training images that statistics are taken on.
        augment: the augmentation of convolutional networks.
        epochs: of each kind of network.
        depths: hidden layers of the perceptrons.
        deep: hidden layers of the perceptron whose layers are looked at.
        widths: units of the perceptrons of ten layers.
        vggs: the VGGs, from few layers to many.
        channels: of their first layer.
        factors: widths of the ResNets.
        widened: the data of those whose width varies; empty for the images.
        points: of a curve.
    """

    images: str
    shrink: int
    learnt: int
    tested: int
    measured: int
    augment: str
    epochs: Mapping[str, int]
    depths: tuple[int, ...]
    deep: int
    widths: tuple[int, ...]
    vggs: tuple[str, ...]
    channels: int
    factors: tuple[int, ...]
    widened: str
    points: int

    def perceptron(self, depth: int, width: int = 128) -> Pair:
        """Return two perceptrons of so many hidden layers."""
        told = {"depth": depth, "width": width}
        return self._pair(f"mlp-{depth}x{width}", "mlp", told, (*ADAM, "--lr", "0.0005"))

    def vgg(self, word: str) -> Pair:
        """Return two VGGs without normalisation."""
        options = (*ADAM, "--lr", "0.001", "--augment", self.augment)
        return self._pair(word, word, {"width": self.channels}, options)

    def resnet(self, norm: str, width: int = 1) -> Pair:
        """Return two ResNet20s with this normalisation."""
        options = (*RATES[norm], "--augment", self.augment)
        told = {"norm": norm, "width": width}
        return self._pair(f"resnet20-{norm}-{width}", "resnet20", told, options)

    def wider(self, width: int) -> Pair:
        """Return two ResNet20s with BatchNorm on the data of the study of widths."""
        if not self.widened:
            return self.resnet("batch", width)
        told = {"norm": "batch", "width": width}
        name = f"resnet20-{self.widened}-{width}"
        options = ("--lr", "0.1", "--augment", self.augment)
        epochs = self.epochs[self.widened]
        return self._pair(name, "resnet20", told, options, data=self.widened, epochs=epochs)

    def divided(self) -> Pair:
        """Return two ResNet20s, each on examples that the other never sees."""
        share = ("--augment", self.augment, "--class-share", str(SHARE))
        told, options = {"norm": "batch", "width": 1}, (*RATES["batch"], *share)
        epochs = self.epochs["divided"]
        both = self._pair("divided", "resnet20", told, options, epochs=epochs)
        return replace(both, own=((), ("--left-out",)))

    def pairs(self) -> tuple[Pair, ...]:
        """Return all pairs, each once."""
        found = [
            *(self.perceptron(depth) for depth in self.depths),
            *(self.perceptron(LAYERS, width) for width in self.widths),
            *map(self.vgg, self.vggs),
            *map(self.resnet, RATES),
            *map(self.wider, self.factors),
            self.divided(),
        ]
        return tuple(dict.fromkeys(found))

    def _pair(
        self,
        name: str,
        model: str,
        arguments: Mapping[str, object],
        options: tuple[str, ...],
        *,
        data: str = IMAGES,
        epochs: int | None = None,
    ) -> Pair:
        count = self.epochs[model.rstrip("0123456789")] if epochs is None else epochs
        told = [word for key, it in arguments.items() for word in ("--model-arg", f"{key}={it}")]
        return Pair(name, data, ("--model", model, *told, "--epochs", str(count), *options))


def train(steps: Steps, size: Size, pairs: Iterable[Pair]) -> None:
    """Train the networks of some pairs, after their images were put where they look for them."""
    learnt, tested = slice(size.learnt), slice(size.tested)
    part_of(steps.folder / IMAGES, size.images, learnt, tested, size.shrink)
    steps.train_all({name: words for pair in pairs for name, words in pair.networks.items()})


def measure(
    steps: Steps, size: Size, wanted: Mapping[str, tuple[Pair, str, Sequence[str]]]
) -> dict[str, Path]:
    """Measure pairs, after they were trained.

    Args:
        steps: does it.
        size: says how many examples statistics are taken on.
        wanted: by name of the result the pair, the analysis and its options.
    """
    train(steps, size, dict.fromkeys(pair for pair, _, _ in wanted.values()))
    taken = ("--calib-size", str(size.measured))
    return steps.measure_all(
        {name: pair.words(of, *words, *taken) for name, (pair, of, words) in wanted.items()}
    )
