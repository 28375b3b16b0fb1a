"""Networks and data as files and in memory, for tests that compare what comes of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmctool.plugin import registry
from lmctool.plugin.kinds import DATASETS, MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DIGITS = Path(__file__).parents[2] / "examples/digits"
EXAMPLES = 60


class Block(nn.Module):
    """Two convolutions with BatchNorm, and what goes past them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn1(self.conv1(x)).relu()
        out: Tensor = (x + self.bn2(self.conv2(inner))).relu()
        return out


class ResNet(nn.Module):
    """A small residual network with BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.blocks = nn.Sequential(Block(6), Block(6))
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.norm(self.stem(x)).relu())
        out: Tensor = self.head(x.mean((2, 3)))
        return out


@dataclass(frozen=True)
class Kept:
    """The same networks and data twice.

    Attributes:
        files: the two checkpoints as files, called as what stands for those in memory.
        modules: the same in memory.
        data: the arrays of each split.
        words: what the command needs to know of model and data.
        keywords: what a call needs to know of them.
    """

    files: tuple[Path, Path]
    modules: tuple[nn.Module, nn.Module]
    data: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]
    words: tuple[str, ...]
    keywords: Mapping[str, Any]


def digits(folder: Path) -> Kept:
    """Return the networks of examples/digits, and images of digits as arrays."""
    record = registry.load(DATASETS, "digits").open("digits", None)
    data = {}
    for name, load in record.splits.items():
        examples = load()
        data[name] = (examples.inputs[:EXAMPLES].astype("float32"), examples.targets[:EXAMPLES])
    modules = []
    files = folder / "A.safetensors", folder / "B.safetensors"
    for file, name in zip(files, "ab", strict=True):
        shutil.copy(DIGITS / f"{name}.safetensors", file)
        module = registry.load(MODELS, "mlp").build("mlp", inputs=64, width=64, depth=3, classes=10)
        module.load_state_dict(load_file(file))
        modules.append(module)
    words = ("--data", str(_saved(data, folder)))
    return Kept(files, (modules[0], modules[1]), data, words, {})


def resnet(folder: Path) -> Kept:
    """Return two residual networks with running statistics, and images of noise."""
    draw = np.random.default_rng(0)
    data = {
        name: (
            draw.integers(256, size=(EXAMPLES, 3, 8, 8), dtype=np.uint8),
            np.arange(EXAMPLES) % 5,
        )
        for name in ("train", "test")
    }
    modules, files = [], []
    for seed in range(2):
        torch.manual_seed(seed)
        module = ResNet()
        for _ in range(3):  # so that the running statistics are of such inputs
            module(torch.from_numpy(data["train"][0]) / 255)
        files.append(folder / f"{'AB'[seed]}.safetensors")
        save_file(module.state_dict(), files[-1])
        modules.append(module)
    words = ("--data", str(_saved(data, folder)), "--model", f"{__file__}:ResNet")
    return Kept(
        (files[0], files[1]),
        (modules[0], modules[1]),
        data,
        (*words, "--allow-chance"),
        {"allow_chance": True},
    )


def _saved(data: Mapping[str, tuple[NDArray[Any], NDArray[Any]]], folder: Path) -> Path:
    """Write the arrays of splits as one file."""
    arrays = {
        f"{part}_{name}": values
        for name, pair in data.items()
        for part, values in zip("xy", pair, strict=True)
    }
    path = folder / "data.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return path
