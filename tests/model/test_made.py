"""What the user's own code may do when it is called for a model once more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.config import Config
from lmctool.errors import LmctoolError
from lmctool.model.resolve import Model, resolve_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CODE = """
import numpy as np
import torch
from torch import nn

CALLS = []
ONE = nn.Linear(3, 2)
ACTIVATION = nn.ReLU()

def sound():
    return nn.Sequential(nn.Linear(3, 2), ACTIVATION)

def same():
    return nn.Sequential(ONE, nn.ReLU())

def growing():
    CALLS.append(1)
    return nn.Sequential(*[nn.Linear(3, 2), nn.Linear(2, 2)][: len(CALLS)])

def renamed():
    CALLS.append(1)
    return sound() if len(CALLS) == 1 else nn.Sequential(nn.ReLU(), nn.Linear(3, 2))

def drawn():
    model = sound()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor(np.random.default_rng().random((2, 3))))
    return model

def failing():
    CALLS.append(1)
    return sound() if len(CALLS) == 1 else None
"""


@pytest.fixture
def make(
    saved: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Model]]:
    """Return a function that makes the model of a factory for the first time."""
    (tmp_path / "lmc_again.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    checkpoint = saved("mlp")
    checkpoint.shapes = {"0.weight": (2, 3), "0.bias": (2,)}

    def made(name: str) -> Model:
        return resolve_model(checkpoint, spec=f"lmc_again:{name}", arguments={}, config=Config())

    yield made
    sys.modules.pop("lmc_again", None)


def test_a_factory_makes_an_initial_state_of_each_seed(make: Callable[[str], Model]) -> None:
    model = make("sound")
    one, again, other = (model.initial(seed).state_dict()["0.weight"] for seed in (3, 3, 4))
    torch.manual_seed(3)
    assert torch.equal(one, torch.nn.Linear(3, 2).weight)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("same", "returns the same network each time, and so no initial state; build a new one"),
        ("growing", "makes another network each time that it is called"),
        ("renamed", "makes another network each time that it is called"),
        ("drawn", "draws other initial weights each time for one seed"),
        ("failing", "returned 'NoneType', not a torch.nn.Module"),
    ],
)
def test_a_later_network_is_not_taken_for_an_initial_state(
    name: str, told: str, make: Callable[[str], Model]
) -> None:
    model = make(name)
    with pytest.raises(LmctoolError, match=f"'lmc_again:{name}' {told}"):
        model.initial(3)
