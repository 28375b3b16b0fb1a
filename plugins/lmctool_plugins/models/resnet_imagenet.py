"""ResNet of the ImageNet kind, with the tensor names of torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, flatten, nn

from lmctool.plugin.hookspecs import hookimpl
from lmctool.plugin.kinds import ModelFamily

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.plugin.kinds import Argument

STAGES = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
}


def convolution(before: int, after: int, size: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size of the image up to its stride."""
    return nn.Conv2d(before, after, size, stride, size // 2, bias=False)


class Residual(nn.Module):
    """Convolutions with BatchNorm beside a shortcut (He et al. 2016)."""

    def __init__(self, before: int, channels: int, stride: int, bottleneck: bool) -> None:
        """Build a block of two 3x3 convolutions, or of 1x1, 3x3 and 1x1 to four times as many."""
        super().__init__()
        after = channels * 4 if bottleneck else channels
        if bottleneck:
            self.conv1 = convolution(before, channels, 1)
            self.conv2 = convolution(channels, channels, 3, stride)
            self.conv3 = convolution(channels, after, 1)
            self.bn3 = nn.BatchNorm2d(after)
        else:
            self.conv1 = convolution(before, channels, 3, stride)
            self.conv2 = convolution(channels, channels, 3)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.bottleneck = bottleneck
        self.downsample: nn.Module | None = None
        if before != after or stride != 1:
            self.downsample = nn.Sequential(
                convolution(before, after, 1, stride), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.bottleneck:
            out = self.bn3(self.conv3(out.relu()))
        shortcut = x if self.downsample is None else self.downsample(x)
        result: Tensor = (out + shortcut).relu()
        return result


class ResNet(nn.Module):
    """A strided stem, four stages of blocks, global average pooling, a linear classifier."""

    def __init__(self, word: str, channels: int, classes: int, width: int) -> None:
        """Build it with He initialisation."""
        super().__init__()
        bottleneck = word in {"resnet50", "resnet101"}
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        before = width
        for number, count in enumerate(STAGES[word]):
            stage = []
            for place in range(count):
                stride = 2 if place == 0 and number > 0 else 1
                stage.append(Residual(before, width * 2**number, stride, bottleneck))
                before = width * 2**number * (4 if bottleneck else 1)
            self.add_module(f"layer{number + 1}", nn.Sequential(*stage))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, class) logits of (example, channel, height, width) images."""
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        for name in ("layer1", "layer2", "layer3", "layer4"):
            x = self.get_submodule(name)(x)
        logits: Tensor = self.fc(flatten(self.avgpool(x), 1))
        return logits


def build(spec: str, *, channels: int = 3, classes: int = 1000, width: int = 64) -> nn.Module:
    """Return a ResNet whose first stage has ``width`` channels, in its initial state."""
    return ResNet(spec, channels, classes, width)


def read(word: str, shapes: Mapping[str, tuple[int, ...]]) -> Mapping[str, Argument] | None:
    """Read channels, width and classes off the shapes."""
    first, head = shapes.get("conv1.weight", ()), shapes.get("fc.weight", ())
    if len(first) != 4 or len(head) != 2 or "layer4.0.conv1.weight" not in shapes:
        return None
    return {"channels": first[1], "classes": head[0], "width": first[0]}


@hookimpl
def lmctool_model() -> ModelFamily:
    """Add ``--model resnet18`` and its kin."""
    return ModelFamily(build, read, frozenset({"channels", "classes", "width"}))
