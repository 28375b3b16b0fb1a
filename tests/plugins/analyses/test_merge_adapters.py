"""Merging LoRA adapters: the update is the mean of their updates, and A and B are not averaged."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lmctool.errors import ExitCode
from lmctool.results.file import read
from lmctool.testing import invoke
from lmctool_plugins.analyses.merge.adapters import squared_difference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

LAYERS = {"base_model.model.q": (5, 6), "base_model.model.v": (3, 6)}
EMBEDDING = "base_model.model.words.lora_embedding_"
HEAD = "base_model.model.score.weight"


def adapter(folder: Path, seed: int, rank: int = 2, **config: Any) -> Path:
    """Write an adapter of two linear layers and an embedding, with a head of its own."""
    numbers = torch.Generator().manual_seed(seed)
    shapes: dict[str, tuple[int, ...]] = {HEAD: (2, 5)}
    for layer, (out, into) in LAYERS.items():
        shapes |= {f"{layer}.lora_A.weight": (rank, into), f"{layer}.lora_B.weight": (out, rank)}
    shapes |= {f"{EMBEDDING}A": (rank, 7), f"{EMBEDDING}B": (6, rank)}
    folder.mkdir()
    tensors = {name: torch.randn(shape, generator=numbers) for name, shape in shapes.items()}
    save_file(tensors, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "bias": "none"} | config
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def updates(folder: Path) -> dict[str, Tensor]:
    """Return alpha / r B A of each layer in float64, as peft adds it to a weight."""
    config = json.loads((folder / "adapter_config.json").read_text())
    root = config["r"] ** (0.5 if config.get("use_rslora") else 1)
    tensors = {n: t.double() for n, t in load_file(folder / "adapter_model.safetensors").items()}
    pairs = [*(f"{layer}.lora_{{}}.weight" for layer in LAYERS), EMBEDDING + "{}"]
    return {
        pair: config["lora_alpha"] / root * tensors[pair.format("B")] @ tensors[pair.format("A")]
        for pair in pairs
    }


def mean(shares: list[float], networks: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    parts = [[w * own[name] for name in own] for w, own in zip(shares, networks, strict=True)]
    return {name: sum(p[n] for p in parts) for n, name in enumerate(networks[0])}  # type: ignore[misc]


def distance(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    return math.sqrt(sum(float((a[name] - b[name]).square().sum()) for name in a))


@pytest.mark.parametrize(
    ("configs", "options", "shares", "rank"),
    [
        ([{}, {}], (), [0.5, 0.5], 4),
        ([{}, {"rank": 3, "lora_alpha": 5}, {"use_rslora": True}], (), [1 / 3] * 3, 7),
        ([{"use_rslora": True}, {}], ("--weights", "1,3"), [0.25, 0.75], 4),
        ([{}, {}], ("--weights", "0,1"), [0.0, 1.0], 2),
    ],
)
def test_the_update_is_the_mean_of_the_updates(
    tmp_path: Path, configs: list[Any], options: tuple[str, ...], shares: list[float], rank: int
) -> None:
    folders = [adapter(tmp_path / f"{n}", n, **config) for n, config in enumerate(configs)]
    done = invoke("merge", *folders, *options, "-o", tmp_path / "out.h5")
    assert done.exit_code == ExitCode.DONE, done.output
    wanted, found = mean(shares, list(map(updates, folders))), updates(tmp_path / "out")
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-6, atol=1e-6)
    config = json.loads((tmp_path / "out/adapter_config.json").read_text())
    assert (config["r"], config["bias"]) == (rank, "none")
    heads = [load_file(folder / "adapter_model.safetensors")[HEAD] for folder in folders]
    head = load_file(tmp_path / "out/adapter_model.safetensors")[HEAD]
    torch.testing.assert_close(
        head, sum(w * own for w, own in zip(shares, heads, strict=True)), rtol=1e-6, atol=1e-6
    )
    far = read(tmp_path / "out.h5").groups["merge/networks"].variables["distance"].values[0]
    apart = [
        np.hypot(distance(updates(folder), wanted), float((own - head).norm()))
        for folder, own in zip(folders, heads, strict=True)
    ]
    np.testing.assert_allclose(far, apart, rtol=1e-5, atol=1e-5)
    assert f"exact, of rank {rank}" in done.stdout


def test_the_norm_of_a_difference_of_products_is_that_of_the_products() -> None:
    a, b, c, d = (torch.randn(shape).double() for shape in ((2, 6), (5, 2), (3, 6), (5, 3)))
    wanted = float((b @ a - 0.7 * d @ c).square().sum())
    assert squared_difference((a, b), (c, d), 0.7) == pytest.approx(wanted, rel=1e-12)


def test_without_scales_or_as_part_of_a_network_nothing_is_averaged(tmp_path: Path) -> None:
    folders = [adapter(tmp_path / f"{n}", n) for n in range(2)]
    files = [folder / "adapter_model.safetensors" for folder in folders]
    bare = invoke("merge", *files, "-o", tmp_path / "out.h5")
    assert bare.exit_code == ExitCode.USAGE
    assert "has no adapter_config.json" in bare.stderr
    one_file = invoke("merge", *folders, "-o", tmp_path / "out.safetensors")
    assert one_file.exit_code == ExitCode.USAGE
    assert "must be a folder" in one_file.stderr
    held = invoke("merge", *folders, "--except", "*score*", "-o", tmp_path / "out.h5")
    assert held.exit_code == ExitCode.USAGE
    assert "leave out --model, --data, --align, --repair and --except" in held.stderr


def test_a_distance_of_factors_is_not_judged(tmp_path: Path) -> None:
    folders = [adapter(tmp_path / f"{n}", n) for n in range(2)]
    done = invoke("distance", *folders, "-o", tmp_path / "out.h5")
    assert done.exit_code == ExitCode.UNJUDGED
    assert "is a LoRA adapter" in done.stderr


FACTORY = """
import torch
from torch import nn

class Adapted(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(4, 3)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(4, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 3, bias=False)})

    def forward(self, x):
        return self.base(x) + self.lora_B["default"](self.lora_A["default"](x))

def make():
    return nn.Sequential(Adapted())
"""


def test_a_path_through_factors_is_told_to_be_straight_in_them_alone(tmp_path: Path) -> None:
    (tmp_path / "adapted.py").write_text(FACTORY)
    shapes = {
        "0.base.weight": (3, 4),
        "0.base.bias": (3,),
        "0.lora_A.default.weight": (2, 4),
        "0.lora_B.default.weight": (3, 2),
    }
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        save_file({name: torch.randn(shape) for name, shape in shapes.items()}, path)
    inputs, targets = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    data = {f"x_{split}": inputs.astype(np.float32) for split in ("train", "test")}
    np.savez(tmp_path / "d.npz", y_train=targets, y_test=targets, **data)  # type: ignore[arg-type]
    words = ("--model", f"{tmp_path}/adapted.py:make", "--data", tmp_path / "d.npz")
    more = ("--points", "3", "--allow-chance", "-o", tmp_path / "out.h5")
    done = invoke("barrier", *paths, *words, *more)
    assert done.exit_code == ExitCode.DONE, done.output
    assert "the path is straight in the factors A and B of LoRA" in done.stderr
