"""Inputs that reach a model otherwise than in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.config import Config
from lmctool.data.normalisation import Constants, stamped_constants, suspicion
from lmctool.data.opening import open_split
from lmctool.data.resolve import resolve_data
from lmctool.plugin.data_records import Dataset, Examples

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.data.split import Split

CIFAR = stamped_constants([{"lmctool.data": "cifar10"}], [None])
GENERATOR = np.random.default_rng(0)
PIXELS = GENERATOR.integers(0, 256, (64, 3, 8, 8)).astype(np.float32)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def split(inputs: np.ndarray[Any, Any], **constants: Any) -> Split:
    """Return a split of inputs, all of them of one class."""
    examples = Examples(inputs, np.zeros(len(inputs), np.int64))
    dataset = Dataset({"test": lambda: examples}, "memory", 10, **constants)
    return open_split(dataset, "test", limit=None, seed=0, device=torch.device("cpu"))


def normalised(inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (MEAN, STD))
    return np.asarray((inputs / 255 - mean) / std)


@pytest.mark.parametrize(
    ("strange", "stamped"),
    [
        (split(PIXELS), None),
        (split(PIXELS), CIFAR),
        (split(PIXELS.reshape(64, 192)), None),
        (split(PIXELS.reshape(64, 192)), CIFAR),
        (split(PIXELS[:, 0]), None),
        (split(PIXELS.astype(np.uint8)), None),
        (split(PIXELS / 255), CIFAR),
        (split(PIXELS.astype(np.uint8), scale=1 / 255), CIFAR),
        (split(PIXELS, mean=MEAN, std=STD), None),
        (split(PIXELS / 255, scale=1 / 255, mean=MEAN, std=STD), None),
    ],
    ids=[
        "bytes",
        "bytes, stamped",
        "flat",
        "flat, stamped",
        "no channel",
        "unscaled",
        "raw",
        "raw bytes",
        "unscaled, taken off",
        "twice",
    ],
)
def test_inputs_far_from_what_the_constants_give_are_told(
    strange: Split, stamped: Constants | None
) -> None:
    told = suspicion(strange, stamped)
    assert told is not None
    assert told.startswith("inputs of split 'test' reach the model from ")
    assert "most likely they are not normalised as in training; pass --mean and --std" in told


@pytest.mark.parametrize(
    ("sound", "stamped"),
    [
        (split(normalised(PIXELS)), CIFAR),
        (split(PIXELS, scale=1 / 255, mean=MEAN, std=STD), CIFAR),
        (split(0.3 * PIXELS, scale=1 / 255, mean=MEAN, std=STD), CIFAR),
        (split(PIXELS / 255), None),
        (split(PIXELS.astype(np.uint8), scale=1 / 255), None),
        (split(GENERATOR.normal(0, 1, (64, 20)).astype(np.float32)), None),
        (split(np.round(PIXELS[:, 0, 0])), None),
        (split(PIXELS.reshape(64, 192)[:, :90]), None),
        (split(np.abs(GENERATOR.normal(0, 1, (64, 20))).astype(np.float32)), CIFAR),
        (split(PIXELS.reshape(64, 3, 64)), None),
        (split(PIXELS.reshape(64, 3, 64) / 255), CIFAR),
        (split(PIXELS, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)), CIFAR),
        (split(PIXELS[:8]), CIFAR),
        (split(PIXELS[:, 0, 0].astype(np.int64)), CIFAR),
    ],
    ids=[
        "normalised",
        "taken off",
        "darker",
        "no constants",
        "scaled",
        "features",
        "counts",
        "many counts",
        "features, stamped",
        "sequences",
        "sequences, stamped",
        "as they are",
        "few",
        "tokens",
    ],
)
def test_inputs_that_may_be_meant_raise_no_doubt(sound: Split, stamped: Constants | None) -> None:
    assert suspicion(sound, stamped) is None


@pytest.mark.parametrize("word", ["digits", "spiral"])
def test_embedded_data_raises_no_doubt(word: str) -> None:
    dataset = resolve_data(spec=word, metadata=[], config=Config()).dataset
    for name in dataset.splits:
        own = open_split(dataset, name, limit=None, seed=0, device=torch.device("cpu"))
        assert suspicion(own, stamped_constants([{"lmctool.data": word}], [None])) is None


def test_a_text_raises_no_doubt(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 500)
    dataset = resolve_data(spec=str(tmp_path / "text.txt"), metadata=[], config=Config()).dataset
    own = open_split(dataset, "test", limit=None, seed=0, device=torch.device("cpu"))
    assert suspicion(own, stamped_constants([{"lmctool.data": "text"}], [None])) is None


@pytest.mark.parametrize(
    ("metadata", "config", "mean", "std"),
    [
        ({"lmctool.data": "digits"}, None, (0.3053,), (0.3760,)),
        ({"lmctool.data": "fashion-mnist"}, None, (0.2860,), (0.3530,)),
        ({"mean": "0.5,0.4", "std": "[0.2, 0.1]"}, None, (0.5, 0.4), (0.2, 0.1)),
        ({}, {"pretrained_cfg": {"mean": [0.5], "std": [0.25]}}, (0.5,), (0.25,)),
    ],
)
def test_constants_are_read_off_what_a_checkpoint_says(
    metadata: dict[str, str], config: Any, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    found = stamped_constants([{}, metadata], [None, config])
    assert found is not None
    assert (found.mean, found.std) == (mean, std)


@pytest.mark.parametrize(
    ("metadata", "config"),
    [
        ({"lmctool.data": "text"}, None),
        ({"lmctool.data": "nobody's"}, None),
        ({"mean": "a,b", "std": "1"}, None),
        ({"mean": "0.5"}, {"pretrained_cfg": {"mean": None, "std": "x"}}),
        ({}, {"pretrained_cfg": [1]}),
    ],
)
def test_what_names_no_constants_gives_none(metadata: dict[str, str], config: Any) -> None:
    assert stamped_constants([metadata], [config]) is None
