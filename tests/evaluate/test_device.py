"""Devices, precision and generators."""

from __future__ import annotations

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate.device import casting, choose_device, configure, generator


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


def test_what_was_set_is_said() -> None:
    said = configure("float32", torch.device("cpu"))
    assert said["precision"] == "float32" and said["tf32"] == 0
    assert not torch.backends.cuda.matmul.allow_tf32
    assert configure("tf32", torch.device("cpu"))["tf32"] == 1
    configure("float32", torch.device("cpu"))


def test_bfloat16_computes_in_bfloat16() -> None:
    x = torch.ones(2, 2)
    with casting("bfloat16", torch.device("cpu")):
        assert (x @ x).dtype == torch.bfloat16
    with casting("float32", torch.device("cpu")):
        assert (x @ x).dtype == torch.float32


def test_generators_depend_on_seed_and_name_alone() -> None:
    def draw(seed: int, name: str) -> float:
        return float(torch.rand((), generator=generator(seed, name)))

    assert draw(0, "a") == draw(0, "a")
    assert len({draw(0, "a"), draw(1, "a"), draw(0, "b")}) == 3
