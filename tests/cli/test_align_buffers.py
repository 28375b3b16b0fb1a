"""Aligned files of models whose buffers, bags and groups move: the same function in plain torch."""

from __future__ import annotations

import runpy
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lmctool.testing import invoke

SOURCE = """
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.c, self.o = nn.Conv2d(3, 6, 3), nn.Linear(6, 3)
            self.register_buffer("gain", torch.randn(6))
            self.register_buffer("variance", torch.rand(6) + 0.5)
            self.register_buffer("steps", torch.arange(6))
        def forward(self, x):
            scale = self.gain * (self.variance + 1e-5).rsqrt()
            return self.o((self.c(x) * scale[:, None, None]).relu().mean((2, 3)))

    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(8, 7), nn.Linear(7, 3)
            self.register_buffer("epsilon", torch.randn(7, 8))
        def forward(self, x):
            weight = self.b.weight * (1 + self.epsilon)
            return self.o(F.linear(self.a(x).relu(), weight, self.b.bias).relu())

    class Bag(nn.Module):
        def __init__(self):
            super().__init__()
            self.e, self.o = nn.EmbeddingBag(11, 8, mode="max"), nn.Linear(8, 3)
        def forward(self, ids):
            return self.o(self.e(ids).relu())

    def Groups():
        return nn.Sequential(
            nn.Conv2d(3, 12, 1), nn.GroupNorm(3, 12), nn.ReLU(), nn.Conv2d(12, 12, 3, groups=4),
            nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3),
        )
"""
INPUTS = {"Frozen": "4x3x5x5", "Noisy": "4x6", "Bag": "ids<11:4x5", "Groups": "4x3x5x5"}
# 12 channels less 2 that are alone in their place, and 3 of each of 4 groups
UNITS = {"Frozen": 6, "Noisy": 15, "Bag": 8, "Groups": 22}

BUFFERS = {"gain", "variance", "steps", "epsilon"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(dedent(SOURCE))


def network(name: str) -> nn.Module:
    module: nn.Module = runpy.run_path("nets.py")[name]()
    return module


def pair(name: str) -> None:
    for seed, path in enumerate(("a.safetensors", "b.safetensors")):
        torch.manual_seed(seed)
        save_file(network(name).state_dict(), path)


def align(name: str, first: str, second: str, aligner: str) -> str:
    words = ("--model", f"./nets.py:{name}", "--input", INPUTS[name], "--aligner", aligner)
    done = invoke("align", first, second, *words, "-o", f"{aligner}.safetensors")
    assert done.exit_code == 0, done.output
    return done.stdout


def outputs(path: str, name: str, inputs: Tensor) -> Tensor:
    module = network(name).double()
    state = load_file(path)
    module.load_state_dict(
        {k: v.double() if v.is_floating_point() else v for k, v in state.items()}
    )
    found: Tensor = module(inputs.double() if inputs.is_floating_point() else inputs)
    return found


@pytest.mark.parametrize("name", INPUTS)
def test_an_aligned_file_is_the_same_function(name: str) -> None:
    pair(name)
    told = align(name, "a.safetensors", "b.safetensors", "random")
    assert f"of {UNITS[name]} units moved" in told
    sizes = [int(size) for size in INPUTS[name].rpartition(":")[2].split("x")]
    inputs = torch.randint(11, sizes) if name == "Bag" else torch.randn(sizes)
    before, after = (outputs(f"{path}.safetensors", name, inputs) for path in ("b", "random"))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)
    left, right = load_file("b.safetensors"), load_file("random.safetensors")
    moved = {key for key in left if not torch.equal(left[key], right[key])}
    assert moved & BUFFERS == left.keys() & BUFFERS - {"steps"}


def test_what_was_moved_at_random_is_found_by_its_weights() -> None:
    pair("Groups")
    align("Groups", "a.safetensors", "b.safetensors", "random")
    align("Groups", "b.safetensors", "random.safetensors", "weight")
    before, after = load_file("b.safetensors"), load_file("weight.safetensors")
    assert all(torch.equal(before[key], after[key]) for key in before)
