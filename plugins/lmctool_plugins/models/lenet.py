"""LeNet-5 with ReLU and max pooling, for images of 28 or 32 pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, flatten, nn
from torch.nn.functional import max_pool2d

from lmctool.api import LmctoolError, ModelFamily, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Argument


class LeNet(nn.Module):
    """Two convolutions with pooling, and three linear layers (LeCun et al. 1998)."""

    def __init__(self, channels: int, classes: int, padding: int) -> None:
        """Build it; ``padding`` brings smaller images to 32 pixels."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=padding)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, class) logits of (example, channel, size, size) images."""
        x = max_pool2d(self.conv1(x).relu(), 2)
        x = max_pool2d(self.conv2(x).relu(), 2)
        x = self.fc1(flatten(x, 1)).relu()
        logits: Tensor = self.fc3(self.fc2(x).relu())
        return logits


def build(spec: str, *, channels: int = 1, classes: int = 10, size: int = 28) -> nn.Module:
    """Return a LeNet for images of ``size`` pixels in its initial state."""
    if size not in {28, 32}:
        raise LmctoolError(f"model 'lenet' takes images of size 28 or 32, not {size}")
    return LeNet(channels, classes, (32 - size) // 2)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read channels and classes off the shapes; the size of the images leaves no trace in them."""
    first, head = shapes.get("conv1.weight", ()), shapes.get("fc3.weight", ())
    if len(first) != 4 or len(head) != 2:
        return None
    return {"channels": first[1], "classes": head[0], "size": 28 if first[1] == 1 else 32}


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model lenet``."""
    return ModelFamily(build, read, frozenset({"channels", "classes", "size"}))
