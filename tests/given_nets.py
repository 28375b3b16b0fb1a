"""Small networks as Python code has them: their source, and what of torch must stay as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tests.evaluate.torch_switches import standing

if TYPE_CHECKING:
    from torch import nn

SOURCE = '''
import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.fc = nn.Linear(64, width)
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        return self.out(self.fc(x.flatten(1)).relu())


class ResNet(nn.Module):
    """Two residual blocks with BatchNorm; tied, they share their first convolution."""

    def __init__(self, tied=False):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.first = self.block(self.conv())
        self.second = self.block(self.first[0] if tied else self.conv())
        self.head = nn.Linear(6, 10)

    def conv(self):
        return nn.Conv2d(6, 4, 3, padding=1, bias=False)

    def block(self, conv):
        return nn.Sequential(
            conv, nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6)
        )

    def forward(self, x):
        x = self.norm(self.stem(x)).relu()
        for block in (self.first, self.second):
            x = (x + block(x)).relu()
        return self.head(x.mean((2, 3)))


class LM(nn.Module):
    """A causal language model of bytes, whose head is its embedding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(256, 8)
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)
        self.head = nn.Linear(8, 256, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids):
        x = self.embed(ids)
        scores = self.query(x) @ self.key(x).transpose(1, 2)
        mask = torch.ones_like(scores, dtype=torch.bool).tril()
        x = x + scores.masked_fill(~mask, -1e9).softmax(-1) @ x
        x = x + self.down(self.up(x).relu())
        return self.head(x)


def mlp(width=8):
    return MLP(width)


def resnet():
    return ResNet()


def tied_resnet():
    return ResNet(tied=True)


def lm():
    return LM()
'''
KINDS = ("mlp", "resnet", "tied_resnet", "lm")


def state_of_torch() -> dict[str, Any]:
    """Return what of torch belongs to the whole process."""
    return {
        "dtype": torch.get_default_dtype(),
        "generator": torch.get_rng_state().tolist(),
        "switches": standing(),
    }


def state_of(module: nn.Module) -> dict[str, Any]:
    """Return what of a module must stay as it was, the objects and their content."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {
        "modes": [(name, part.training) for name, part in module.named_modules()],
        "objects": {name: id(tensor) for name, tensor in tensors.items()},
        "places": {name: tensor.data_ptr() for name, tensor in tensors.items()},
        "values": {name: tensor.tolist() for name, tensor in tensors.items()},
        "versions": {name: tensor._version for name, tensor in tensors.items()},
        "requires": {name: tensor.requires_grad for name, tensor in tensors.items()},
        "hooks": [len(part._forward_hooks) for part in module.modules()],
    }
