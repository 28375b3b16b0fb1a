"""What the benchmarks work on: pairs of networks with random weights, and random images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from lmctool.plugin import kinds, registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.plugin.records import Analysis
    from lmctool.run.run import Run

SIZE, CLASSES = 28, 10
MODELS = {
    "MLP": ("mlp", {"inputs": SIZE * SIZE, "depth": 10, "width": 128, "classes": CLASSES}),
    "ResNet20": ("resnet20", {"channels": 1, "classes": CLASSES}),
    "VGG11": ("vgg11", {"channels": 1, "classes": CLASSES, "width": 16}),
    "ViT": (
        "timm:vit_tiny_patch16_224",
        {"in_chans": 1, "num_classes": CLASSES, "img_size": SIZE, "patch_size": 4},
    ),
}


def module(model: str, seed: int, **arguments: int) -> nn.Module:
    """Return a network of random weights, with the BatchNorm statistics that they give.

    Args:
        model: a name of ``MODELS``.
        seed: the seed of the weights.
        arguments: arguments of the model that take the place of the standard ones.
    """
    torch.manual_seed(seed)
    word, standard = MODELS[model]
    built: nn.Module = registry.load(kinds.MODELS, word.partition(":")[0]).build(
        word, **standard | arguments
    )
    for part in built.requires_grad_(False).modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None  # the plain mean over the batches
    built.train()(torch.randn(128, 1, SIZE, SIZE))
    return built.eval()


def write_pair(folder: Path, model: str, **arguments: int) -> tuple[Path, Path]:
    """Write two such networks as checkpoints that name their model."""
    word, standard = MODELS[model]
    stamp = {"lmctool.model": word, "lmctool.model_arguments": json.dumps(standard | arguments)}
    paths = folder / f"{model}-a.safetensors", folder / f"{model}-b.safetensors"
    for seed, path in enumerate(paths):
        save_file(module(model, seed, **arguments).state_dict(), path, metadata=stamp)
    return paths


def write_images(folder: Path, train: int, test: int) -> Path:
    """Write random images of two splits."""
    drawn = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in (("train", train), ("test", test)):
        arrays[f"x_{split}"] = drawn.integers(256, size=(count, 1, SIZE, SIZE), dtype=np.uint8)
        arrays[f"y_{split}"] = drawn.integers(CLASSES, size=count)
    path = folder / f"images-{train}-{test}.npz"
    np.savez(path, **arrays)
    return path


def run(checkpoints: tuple[Path, ...], images: Path, device: str, calibration: int) -> Run:
    """Return a run of the main command, its graph and its permutation spec at hand."""
    from lmctool.run.run import Run  # networks are made without what a whole run imports

    analysis: Analysis = registry.load(ANALYSES, "barrier")
    settings = Settings(
        checkpoints=checkpoints,
        data=str(images),
        allow_chance=True,
        calib_size=calibration,
        aligner=Choice("activation", {"tap": "post"}),
        correction=Choice("repair", {"targets": "both"}),
        device=device,
    )
    found = Run("barrier", analysis, settings)
    _ = found.permutation_spec
    return found
