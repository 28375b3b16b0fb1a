"""Planted permutations, with noise on top, are found again bit for bit."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.planted import models

if TYPE_CHECKING:
    from benchmarks.planted import Planted

MODELS = ["MLP", "VGG11", "ResNet20", "ResNet50", "ViT", "GPT-2"]
WAYS: dict[str, tuple[dict[str, Any], tuple[float, float]]] = {
    "activation": ({"tap": "pre"}, (0.0003, 0.001)),
    "weight": ({"restarts": 1}, (0.1, 0.3)),
}


@cache
def planted(name: str) -> Planted:
    """Return a model, traced once."""
    return models()[name]


def missed(name: str, aligner: str, seeds: int) -> list[tuple[int, float]]:
    """Return the seeds and noises whose permutation isn't found."""
    options, noises = WAYS[aligner]
    return [
        (seed, noise)
        for noise in noises
        for seed in range(seeds)
        if not planted(name).recovers(aligner, seed, noise, **options)
    ]


@pytest.mark.parametrize("aligner", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_a_few_planted_permutations_are_found(name: str, aligner: str) -> None:
    assert not missed(name, aligner, 1)


@pytest.mark.slow
@pytest.mark.parametrize("aligner", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_a_hundred_planted_permutations_are_found(name: str, aligner: str) -> None:
    assert not missed(name, aligner, 100)


def test_descent_from_a_random_start_misses_some() -> None:
    model, options = planted("GPT-2"), {"restarts": 1, "start": "random"}
    found = [model.recovers("weight", seed, 0.1, **options) for seed in range(6)]
    assert not all(found)
    assert any(found)
