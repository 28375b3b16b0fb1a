"""Built-in models by the words that name them, and small ones of kinds the libraries leave out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.zoo.entry import Entry, Inputs, images, sequences
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS


class Recurrent(nn.Module):
    """A recurrent layer whose mean output is classified."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        """Put a head on a layer that returns (example, step, width) first."""
        super().__init__()
        self.layer, self.head = layer, nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Classify (example, step, feature)."""
        logits: Tensor = self.head(self.layer(x)[0].mean(1))
        return logits


class UNet(nn.Module):
    """An encoder and a decoder of two levels, joined by concatenation at each."""

    def __init__(self, width: int = 8) -> None:
        """Make a net whose levels are 1, 2 and 4 times this wide."""
        super().__init__()
        self.down1, self.down2 = _double(3, width), _double(width, 2 * width)
        self.middle = _double(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.join2 = _double(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.join1 = _double(2 * width, width)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, 2, height, width) of an image (example, 3, height, width)."""
        pool = nn.functional.max_pool2d
        first = self.down1(x)
        second = self.down2(pool(first, 2))
        wide = self.up2(self.middle(pool(second, 2)))
        wide = self.up1(self.join2(torch.cat((second, wide), 1)))
        logits: Tensor = self.head(self.join1(torch.cat((first, wide), 1)))
        return logits


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (inputs, outputs):
        layers += [nn.Conv2d(width, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def built_in(word: str, made: Inputs, units: int, /, **arguments: object) -> Entry:
    """Return a built-in model."""

    def build() -> nn.Module:
        module: nn.Module = registry.load(MODELS, word).build(word, **arguments)
        return module

    told = " ".join(str(value) for value in arguments.values() if isinstance(value, str))
    return Entry(f"{word} {told}".strip(), "lmctool", build, made, units)


PERCEPTRON: dict[str, Any] = {"inputs": 20, "width": 13, "depth": 3, "classes": 5}
STEPS = sequences(6, 10)
ENTRIES = (
    built_in("mlp", sequences(20), 39, **PERCEPTRON),
    built_in("mlp", sequences(20), 39, **PERCEPTRON, norm="batch"),
    built_in("mlp", sequences(20), 39, **PERCEPTRON, norm="layer"),
    built_in("lenet", images(28, 1), 6 + 16 + 120 + 84, channels=1, classes=10, size=28),
    built_in("vgg11", images(32), 4 * 43, width=4),
    built_in("resnet20", images(32), 336 + 16 + 32 + 64, shortcut="B"),
    built_in("resnet20", images(32), 336 + 16 + 16 + 32, shortcut="A"),
    built_in("resnet20", images(32), 336 + 16 + 32 + 64, norm="layer"),
    built_in("resnet20", images(32), 336 + 16 + 16 + 32, norm="fixup", shortcut="A"),
    Entry(
        "LSTM, 2 layers",
        "own",
        lambda: Recurrent(nn.LSTM(10, 32, 2, batch_first=True), 32),
        STEPS,
        64,
    ),
    Entry(
        "LSTM, both directions",
        "own",
        lambda: Recurrent(nn.LSTM(10, 16, 2, batch_first=True, bidirectional=True), 32),
        STEPS,
        64,
    ),
    Entry(
        "GRU, 2 layers",
        "own",
        lambda: Recurrent(nn.GRU(10, 32, 2, batch_first=True), 32),
        STEPS,
        64,
    ),
    # each double convolution frees its two widths; so does each step up
    Entry("U-Net", "own", UNet, images(32), 2 * (8 + 16 + 32 + 16 + 8) + 16 + 8),
)
