"""What the benchmark of large models aligns: B is A in another order, under noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from benchmarks import large

if TYPE_CHECKING:
    from pathlib import Path


def test_b_is_a_under_noise_once_the_units_of_its_mlps_are_back_in_order(tmp_path: Path) -> None:
    sizes = large.forms(64, 96, 2, 4, 50)
    config = large.configuration(64, 96, 2, 4, 50)
    for name in "ab":
        large.write(tmp_path / name, config, sizes, planted=name == "b")
    a, b = (tmp_path / name / "model.safetensors" for name in "ab")
    weights = load_file(a)
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()} == {
        name: (torch.Size(shape), torch.bfloat16) for name, (_, shape) in sizes.items()
    }
    assert large.distance(a, a) == 0
    assert large.distance(a, b) > 2 * large.NOISE
    far = [
        name
        for name, tensor in load_file(b).items()
        if (tensor - weights[name]).float().norm() > 2 * large.NOISE * weights[name].float().norm()
    ]
    assert far and all(".mlp." in name for name in far)
