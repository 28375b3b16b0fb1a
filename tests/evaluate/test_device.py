"""Devices and generators."""

from __future__ import annotations

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate.device import choose_device
from lmctool.graph.randomness import generator


@pytest.mark.parametrize(
    ("word", "complaint"),
    [("gpu", "no device is called"), ("cuda:99", "CUDA devices"), ("meta", "not supported")],
)
def test_a_device_that_is_not_there_is_told(word: str, complaint: str) -> None:
    with pytest.raises(LmctoolError, match=complaint):
        choose_device(word)


def test_auto_takes_the_gpu_if_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected


def test_generators_depend_on_seed_and_name_alone() -> None:
    def draw(seed: int, name: str) -> float:
        return float(torch.rand((), generator=generator(seed, name)))

    assert draw(0, "a") == draw(0, "a")
    assert len({draw(0, "a"), draw(1, "a"), draw(0, "b")}) == 3
