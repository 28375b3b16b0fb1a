"""VGG of the CIFAR kind: 3x3 convolutions, pooling, one linear classifier; _bn with BatchNorm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor, flatten, nn

from lmctool.api import ModelFamily, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Argument

# convolutions between one pooling and the next; their channels are 1, 2, 4, 8, 8 times the width
STAGES = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
FACTORS = (1, 2, 4, 8, 8)


class VGG(nn.Module):
    """Convolutions with ReLU and pooling, then one linear layer (Simonyan & Zisserman 2015)."""

    def __init__(self, word: str, channels: int, width: int, classes: int, pixels: int) -> None:
        """Build it; ``pixels`` is the number of positions left after the last pooling."""
        super().__init__()
        name, _, normalised = word.partition("_")
        modules: list[nn.Module] = []
        before = channels
        for count, factor in zip(STAGES[name], FACTORS, strict=True):
            for _ in range(count):
                modules.append(nn.Conv2d(before, width * factor, 3, padding=1))
                if normalised:
                    modules.append(nn.BatchNorm2d(width * factor))
                modules.append(nn.ReLU(inplace=True))
                before = width * factor
            # rounding up lets images below 32 pixels pass all five poolings
            modules.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*modules)
        self.classifier = nn.Linear(before * pixels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, class) logits of (example, channel, size, size) images."""
        logits: Tensor = self.classifier(flatten(self.features(x), 1))
        return logits


def build(
    spec: str, *, channels: int = 3, width: int = 64, classes: int = 10, size: int = 32
) -> nn.Module:
    """Return a VGG whose first layer has ``width`` channels, in its initial state."""
    return VGG(spec, channels, width, classes, math.ceil(size / 32) ** 2)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read channels, width, classes and the size of the images off the shapes."""
    first, head = shapes.get("features.0.weight", ()), shapes.get("classifier.weight", ())
    if len(first) != 4 or len(head) != 2:
        return None
    side = math.isqrt(max(1, head[1] // (8 * first[0])))
    return {"channels": first[1], "width": first[0], "classes": head[0], "size": 32 * side}


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model vgg11`` and its kin."""
    return ModelFamily(build, read, frozenset({"channels", "width", "classes", "size"}))
