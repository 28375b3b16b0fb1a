"""A small network in training, its data, and where libraries of training may write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]


PAGE = (Path(__file__).parents[3] / "docs/observers.md").read_text(encoding="utf-8")


class Net(nn.Module):
    """A perceptron with what a measurement could disturb: a mode, statistics, random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.last(self.drop(self.norm(self.first(x)).relu()))
        return hidden


def made(seed: int) -> Net:
    """Return the network from a seed, better than chance on the arrays."""
    torch.manual_seed(seed)
    net = Net()
    x, y = map(torch.from_numpy, examples())
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return net


def examples() -> Arrays:
    """Return inputs (60, 6), and the class that a fixed linear map gives each."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 6)).astype(np.float32)
    return x, (x @ generator.normal(size=(6, 3))).argmax(axis=1)


def example(library: str) -> str:
    """Return the code that docs/observers.md has for a library."""
    (found,) = (
        code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if library in code
    )
    return str(found)


@pytest.fixture
def arrays() -> Arrays:
    return examples()


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let libraries write below one folder alone, and reach no network."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "HF_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.setenv(name, "1")
