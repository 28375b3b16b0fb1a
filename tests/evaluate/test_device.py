"""Devices, precision and generators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate.arithmetic import arithmetic, casting, describe
from lmctool.evaluate.device import choose_device
from lmctool.graph.randomness import generator
from lmctool.testing import invoke, tiny_pair, tiny_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmctool.evaluate.arithmetic import Precision


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


def switches() -> list[object]:
    """Return all that a program may have chosen for torch in its process."""
    backends: Any = torch.backends
    cuda, cudnn, mkldnn = backends.cuda, backends.cudnn, backends.mkldnn
    return [
        cuda.matmul.allow_tf32,
        cuda.matmul.fp32_precision,
        cuda.matmul.allow_fp16_reduced_precision_reduction,
        cuda.matmul.allow_bf16_reduced_precision_reduction,
        cudnn.enabled,
        cudnn.allow_tf32,
        cudnn.conv.fp32_precision,
        cudnn.rnn.fp32_precision,
        cudnn.deterministic,
        cudnn.benchmark,
        mkldnn.matmul.fp32_precision,
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
    ]


@pytest.fixture(params=["as torch begins", "as a program chose"])
def chosen(request: pytest.FixtureRequest) -> Iterator[list[object]]:
    """Return the switches in two states of them, neither of which is what a run sets."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    with arithmetic("float32"):  # puts back what is chosen here
        matmul.allow_tf32, cudnn.allow_tf32 = False, True
        matmul.fp32_precision, cudnn.deterministic = "none", False
        if request.param == "as a program chose":
            matmul.allow_tf32, cudnn.benchmark = True, True
        yield switches()


def test_a_run_is_described() -> None:
    attributes = describe("tf32", torch.device("cpu"))
    assert attributes["device"] == "cpu" and attributes["precision"] == "tf32"
    assert attributes["tf32"] == 1
    assert describe("bfloat16", torch.device("cpu"))["tf32"] == 0


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_switches_hold_inside_and_are_put_back(precision: Precision, chosen: list[object]) -> None:
    with arithmetic(precision):
        cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
        assert cuda.matmul.allow_tf32 == cudnn.allow_tf32 == (precision == "tf32")
        assert cudnn.deterministic and not cudnn.benchmark
        with arithmetic("float32"):
            assert not cuda.matmul.allow_tf32
        assert cuda.matmul.allow_tf32 == (precision == "tf32")
    assert switches() == chosen


def test_switches_are_put_back_after_an_error(chosen: list[object]) -> None:
    with pytest.raises(ValueError, match="broken"), arithmetic("tf32"):
        raise ValueError("broken")
    assert switches() == chosen


def test_a_choice_by_the_newer_names_alone_is_put_back() -> None:
    matmul = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    try:
        matmul.fp32_precision = "tf32"
        with arithmetic("float32"):
            assert matmul.fp32_precision == "ieee"
        assert matmul.fp32_precision == "tf32"
    finally:
        matmul.allow_tf32 = False
        matmul.fp32_precision = before


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_a_run_leaves_the_switches_as_they_are(
    precision: Precision, chosen: list[object], tmp_path: Path
) -> None:
    run = tiny_run(tmp_path, aligner="weight", precision=precision, limit=64, calib_size=64)
    assert switches() == chosen
    a, b = run.weights(0), run.weights(1)
    inside: list[bool] = []

    def tf32(outputs: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        inside.append(torch.backends.cuda.matmul.allow_tf32)
        return outputs

    run.read([a], run.splits[0], tf32)
    assert set(inside) == {precision == "tf32"}
    run.evaluate([a, b])
    run.calibration.moments(a, {})
    run.align(a, b)
    assert switches() == chosen


def test_a_method_that_fails_leaves_the_switches_as_they_are(
    chosen: list[object], tmp_path: Path
) -> None:
    def fail(outputs: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        raise ValueError("broken")

    run = tiny_run(tmp_path, precision="tf32")
    with pytest.raises(ValueError, match="broken"):
        run.read([run.weights(0)], run.splits[0], fail)
    assert switches() == chosen


@pytest.mark.parametrize("more", [(), ("--split", "nonsense")], ids=["done", "an error"])
def test_a_command_leaves_the_switches_as_they_are(
    more: tuple[str, ...], chosen: list[object], tmp_path: Path
) -> None:
    words = ("--allow-chance", "--limit", "64", "--points", "3", "--precision", "tf32", *more)
    done = invoke("barrier", *tiny_pair(tmp_path), *words, "-o", tmp_path / "out.h5")
    assert done.exit_code == (2 if more else 0), done.output
    assert switches() == chosen


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
