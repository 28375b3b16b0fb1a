"""Planted pairs of transformers and timm, through the program: no barrier is left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmctool.graph.capture import capture
from lmctool.model.untied import untie
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.symmetry import derive
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.linear.transform import LinearTransform
from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_head": 2, "n_embd": 8,
    "n_layer": 1, "n_positions": 8, "vocab_size": 256,
}  # fmt: skip
VIT = {
    "img_size": 8, "patch_size": 4, "in_chans": 1, "num_classes": 3, "embed_dim": 8, "depth": 1,
    "num_heads": 2,
}  # fmt: skip
# the library warns of what its own next version will change
pytestmark = pytest.mark.filterwarnings("default")


def scrambled(spec: str, **arguments: Any) -> nn.Module:
    """Return a network whose gains are not 1 and whose biases are not 0."""
    module: nn.Module = registry.load(MODELS, spec.partition(":")[0]).build(spec, **arguments)
    generator = torch.Generator().manual_seed(0)
    for parameter in module.eval().requires_grad_(False).parameters():
        parameter += torch.randn(parameter.shape, generator=generator) * 0.3
    return module


def planted(module: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Return the network untied, in canonical form and under a random element of every group."""
    untie(module)
    graph = capture(module, inputs)
    spec = derive_linear(graph, derive(graph))
    assert {"orthogonal", "invertible"} <= {group.kind for group in spec.groups.values()}
    transform = LinearTransform.random(spec, torch.Generator().manual_seed(1))
    weights = transform.apply(canonical(spec, module.state_dict()))
    return {name: tensor.contiguous() for name, tensor in weights.items()}


def barriers(a: Path, b: Path, data: str) -> dict[str, float]:
    """Return the barrier of the loss of each variant."""
    done = invoke(
        "barrier", a, b, "--data", data, "--align", "procrustes", "--points", "3", "--limit", "24",
        "--calib-size", "64", "--allow-chance", "--json", "-",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    metrics = json.loads(done.stdout)["metrics"]
    return {
        variant: metrics[f"barrier.loss[variant={variant},split=test]"]
        for variant in ("plain", "align")
    }


def test_a_folder_of_the_hub_with_a_tied_head_is_found_again(tmp_path: Path) -> None:
    module = scrambled("transformers:GPT2LMHeadModel", config=json.dumps(GPT2))
    tensors = {n: t for n, t in module.state_dict().items() if n != "lm_head.weight"}
    both = {
        "a": (tensors, GPT2),
        "b": (planted(module, torch.arange(24).view(3, 8)), GPT2 | {"tie_word_embeddings": False}),
    }
    for name, (weights, config) in both.items():
        (tmp_path / name).mkdir()
        save_file(weights, tmp_path / name / "model.safetensors")
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    text = tmp_path / "text.txt"
    text.write_text("".join(map(chr, np.random.default_rng(0).integers(97, 123, 4000))))
    found = barriers(tmp_path / "a", tmp_path / "b", f"text:{text}?length=8")
    assert found["plain"] > 0.1
    assert abs(found["align"]) < 1e-4


def test_a_vision_transformer_of_timm_is_found_again(tmp_path: Path) -> None:
    spec = "timm:vit_tiny_patch16_224"
    module = scrambled(spec, **VIT)
    numbers = np.random.default_rng(0)
    images = {
        f"x_{split}": numbers.standard_normal((96, 1, 8, 8)).astype(np.float32)
        for split in ("train", "test")
    }
    labels = {f"y_{split}": numbers.integers(0, 3, 96) for split in ("train", "test")}
    np.savez(tmp_path / "data.npz", **images, **labels)  # type: ignore[arg-type]
    stamp = {"lmctool.model": spec, "lmctool.model_arguments": json.dumps(VIT)}
    save_file(module.state_dict(), tmp_path / "a.safetensors", stamp)
    weights = planted(module, torch.from_numpy(images["x_test"][:3]))
    save_file(weights, tmp_path / "b.safetensors", stamp)
    found = barriers(
        tmp_path / "a.safetensors", tmp_path / "b.safetensors", str(tmp_path / "data.npz")
    )
    assert found["plain"] > 0.1
    assert abs(found["align"]) < 1e-4
