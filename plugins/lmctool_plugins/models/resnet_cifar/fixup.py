"""ResNet of the CIFAR kind without normalisation, by Fixup initialisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


def scalar(value: float) -> nn.Parameter:
    """Return a learnt number, of shape (1,)."""
    return nn.Parameter(torch.full((1,), float(value)))


class FixupBlock(nn.Module):
    """Two convolutions with scalar biases and a scalar scale, beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int, shortcut: str) -> None:
        """Build it."""
        super().__init__()
        self.bias1a, self.bias1b = scalar(0), scalar(0)
        self.bias2a, self.bias2b = scalar(0), scalar(0)
        self.scale = scalar(1)
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.stride, self.new = stride, after - before
        self.shortcut: nn.Module | None = None
        if shortcut == "B" and (self.new or stride != 1):
            self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        shifted = x + self.bias1a
        out = (self.conv1(shifted) + self.bias1b).relu()
        out = self.conv2(out + self.bias2a) * self.scale + self.bias2b
        if self.shortcut is not None:
            x = self.shortcut(shifted)
        elif self.new or self.stride != 1:
            sides = (self.new // 2, self.new - self.new // 2)
            x = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *sides))
        result: Tensor = (out + x).relu()
        return result


class FixupResNet(nn.Module):
    """A ResNet that trains without normalisation (Zhang, Dauphin & Ma 2019, arXiv:1901.09321)."""

    def __init__(self, blocks: int, channels: int, classes: int, width: int, shortcut: str) -> None:
        """Build it; every block starts as its shortcut, and the classifier at zero."""
        super().__init__()
        before = 16 * width
        self.conv1 = nn.Conv2d(channels, before, 3, 1, 1, bias=False)
        self.bias1, self.bias2 = scalar(0), scalar(0)
        for number, (base, stride) in enumerate(((16, 1), (32, 2), (64, 2)), start=1):
            stage = []
            for place in range(blocks):
                step = stride if place == 0 else 1
                stage.append(FixupBlock(before, base * width, step, shortcut))
                before = base * width
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.fc = nn.Linear(before, classes)
        self._initialise(3 * blocks)

    def _initialise(self, blocks: int) -> None:
        nn.init.kaiming_normal_(self.conv1.weight)
        nn.init.zeros_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)
        for module in self.modules():
            if isinstance(module, FixupBlock):
                nn.init.kaiming_normal_(module.conv1.weight)
                with torch.no_grad():  # L^(-1/(2m-2)) for m = 2 layers in each of L branches
                    module.conv1.weight.mul_(blocks**-0.5)
                nn.init.zeros_(module.conv2.weight)
                if module.shortcut is not None:
                    nn.init.kaiming_normal_(module.shortcut.weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, class) logits of (example, channel, height, width) images."""
        x = (self.conv1(x) + self.bias1).relu()
        for name in ("layer1", "layer2", "layer3"):
            x = self.get_submodule(name)(x)
        logits: Tensor = self.fc(x.mean((2, 3)) + self.bias2)
        return logits
