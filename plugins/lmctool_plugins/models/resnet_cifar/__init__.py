"""ResNet of the CIFAR kind: three stages of 16, 32 and 64 channels times the width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.functional import pad

from lmctool.api import LmctoolError, ModelFamily, hookimpl
from lmctool_plugins.models.resnet_cifar.fixup import FixupResNet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Argument

DEPTHS = {"resnet20": 3, "resnet32": 5, "resnet44": 7, "resnet56": 9, "resnet110": 18}
STAGES = ((16, 1), (32, 2), (64, 2))


def normalisation(norm: str, channels: int) -> nn.Module:
    """Return BatchNorm, or LayerNorm over channels and positions with weights per channel."""
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.GroupNorm(1, channels)


class Padded(nn.Module):
    """Shortcut A: every second position, and zeros as new channels on both sides."""

    def __init__(self, new: int, stride: int) -> None:
        """Add ``new`` channels."""
        super().__init__()
        self.sides = (new // 2, new - new // 2)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, channel + new, height / stride, width / stride)."""
        return pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *self.sides))


class Block(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016, section 4.2)."""

    def __init__(self, before: int, after: int, stride: int, norm: str, shortcut: str) -> None:
        """Build it; a convolution has a bias only where the normalisation keeps it."""
        super().__init__()
        bias = norm == "layer"
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=bias)
        self.bn1 = normalisation(norm, after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=bias)
        self.bn2 = normalisation(norm, after)
        self.shortcut: nn.Module = nn.Identity()
        if before != after or stride != 1:
            self.shortcut = (
                Padded(after - before, stride)
                if shortcut == "A"
                else nn.Sequential(
                    nn.Conv2d(before, after, 1, stride, bias=bias), normalisation(norm, after)
                )
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        out: Tensor = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        result: Tensor = (out + self.shortcut(x)).relu()
        return result


class ResNet(nn.Module):
    """A convolution, three stages of blocks, global average pooling, a linear classifier."""

    def __init__(
        self, blocks: int, channels: int, classes: int, width: int, norm: str, shortcut: str
    ) -> None:
        """Build it with He initialisation."""
        super().__init__()
        before = 16 * width
        self.conv1 = nn.Conv2d(channels, before, 3, 1, 1, bias=norm == "layer")
        self.bn1 = normalisation(norm, before)
        for number, (base, stride) in enumerate(STAGES, start=1):
            stage = []
            for place in range(blocks):
                step = stride if place == 0 else 1
                stage.append(Block(before, base * width, step, norm, shortcut))
                before = base * width
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.fc = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, class) logits of (example, channel, height, width) images."""
        x = self.bn1(self.conv1(x)).relu()
        for name in ("layer1", "layer2", "layer3"):
            x = self.get_submodule(name)(x)
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def build(
    spec: str,
    *,
    channels: int = 3,
    classes: int = 10,
    width: int = 1,
    norm: str = "batch",
    shortcut: str = "B",
) -> nn.Module:
    """Return a ResNet of 16, 32, 64 times ``width`` channels in its initial state."""
    if norm not in {"batch", "layer", "fixup"}:
        raise LmctoolError(f"model {spec!r} has norm batch, layer or fixup, not {norm!r}")
    if shortcut not in {"A", "B"}:
        raise LmctoolError(f"model {spec!r} has shortcut A or B, not {shortcut!r}")
    if norm == "fixup":
        return FixupResNet(DEPTHS[spec], channels, classes, width, shortcut)
    return ResNet(DEPTHS[spec], channels, classes, width, norm, shortcut)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read channels, width, classes, normalisation and shortcut off the names and shapes."""
    first, head = shapes.get("conv1.weight", ()), shapes.get("fc.weight", ())
    if len(first) != 4 or len(head) != 2 or "layer1.0.conv1.weight" not in shapes:
        return None
    norm = "layer" if "bn1.weight" in shapes else "fixup"
    return {
        "channels": first[1],
        "classes": head[0],
        "width": max(1, first[0] // 16),
        "norm": "batch" if "bn1.running_mean" in shapes else norm,
        "shortcut": "B" if any(".shortcut." in name for name in shapes) else "A",
    }


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model resnet20`` and its kin."""
    arguments = frozenset({"channels", "classes", "width", "norm", "shortcut"})
    return ModelFamily(build, read, arguments)
