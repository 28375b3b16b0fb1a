"""The example's plugins, run from the command line as users run them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.testing import check_aligner, check_analysis, invoke, tiny_pair

if TYPE_CHECKING:
    from pathlib import Path


def test_what_must_hold_on_networks_of_every_kind() -> None:
    """An MLP, a ResNet, a vision transformer and a language model are taken, and nothing breaks."""
    assert check_aligner("norm-sorted", recovers=True) == {}
    assert check_analysis("norms") == {}


def test_norms_are_those_of_torch(tmp_path: Path) -> None:
    """The analysis agrees with torch."""
    a, b = tiny_pair(tmp_path)
    done = invoke("norms", a, b, "--json", "-", "-o", tmp_path / "norms")
    assert done.exit_code == 0, done.output
    metrics = json.loads(done.stdout)["metrics"]
    expected = load_file(a)["layers.0.weight"].norm().item()
    name = f"norms.l2[checkpoint={a},tensor=layers.0.weight]"
    assert metrics[name] == pytest.approx(expected, rel=1e-6)  # torch sums in float32


def test_norm_sorted_finds_a_planted_permutation(tmp_path: Path) -> None:
    """The aligner undoes a permutation of one layer, bit for bit."""
    a, b = tiny_pair(tmp_path)
    planted = load_file(a)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    for name in ("layers.0.weight", "layers.0.bias"):
        planted[name] = planted[name][order]
    planted["layers.1.weight"] = planted["layers.1.weight"][:, order]
    save_file(planted, b)
    out = tmp_path / "aligned"
    done = invoke("align", a, b, "--aligner", "norm-sorted", "--allow-chance", "-o", out)
    assert done.exit_code == 0, done.output
    aligned = load_file(tmp_path / "aligned.safetensors")
    assert all(torch.equal(aligned[name], tensor) for name, tensor in load_file(a).items())


def test_two_moons_are_balanced_and_stay_the_same() -> None:
    """The dataset does not change from one call to another."""
    from lmctool_example.two_moons import moons

    first, again = moons(100, seed=0), moons(100, seed=0)
    assert (first.inputs == again.inputs).all()
    assert first.targets.mean() == 0.5
