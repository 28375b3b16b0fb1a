"""A pair of language models, from files to a result."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmctool.errors import ExitCode
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path

SPEC = "transformers:GPT2LMHeadModel"
ARGUMENTS = {"n_head": 2, "n_embd": 8, "n_layer": 1, "n_positions": 16, "vocab_size": 256}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Write two untrained networks, each tied tensor once."""
    paths = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    stamp = {"lmctool.model": SPEC, "lmctool.model_arguments": json.dumps(ARGUMENTS)}
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        family = registry.load(MODELS, "transformers")
        tensors = family.build(SPEC, **ARGUMENTS).state_dict()
        del tensors["lm_head.weight"]
        save_file(tensors, path, stamp)
    return paths


def test_untrained_ends_cost_the_logarithm_of_the_vocabulary(
    tmp_path: Path, pair: tuple[Path, Path]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("In the beginning was the word. " * 200)
    done = invoke(
        "barrier", *pair, "--data", f"text:{text}?length=16", "--points", "3", "--limit", "20",
        "--allow-chance", "-o", tmp_path / "out.h5",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    with h5py.File(tmp_path / "out.h5") as file:
        losses = file["barrier/curve/loss"][()]
    # initial logits are small beside 1, so every answer is close to even
    np.testing.assert_allclose(losses, math.log(256), rtol=0.01)


def test_ends_that_answer_at_chance_are_not_judged(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    ids = np.random.default_rng(0).integers(0, 256, (30, 16))
    mask = np.arange(16) < np.where(np.arange(30) < 3, 4, 16)[:, None]  # three are short
    np.savez(tmp_path / "ids.npz", x_test=ids, mask_test=mask.astype(np.int64))
    done = invoke("barrier", *pair, "--data", tmp_path / "ids.npz", "-o", tmp_path / "out.h5")
    assert done.exit_code == ExitCode.UNJUDGED
    assert "answers at chance on split 'test'" in done.output


def test_sequences_that_are_too_long_are_told(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    text = tmp_path / "text.txt"
    text.write_text("In the beginning was the word. " * 200)
    done = invoke("barrier", *pair, "--data", f"text:{text}", "-o", tmp_path / "out.h5")
    assert done.exit_code == ExitCode.USAGE
    assert "knows 16 positions, but the sequences have 128" in done.output
    assert not (tmp_path / "out.h5").exists()
