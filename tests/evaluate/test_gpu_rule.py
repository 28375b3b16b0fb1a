"""The rule for a GPU, on a CPU that stands in for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.evaluate import Network, gpu_rule
from lmctool.evaluate.gpu_rule import CACHED, MOST, UNCACHED, examples_at_once, waits_for_launches
from lmctool.evaluate.strategy import Word, chosen, recorded
from lmctool.evaluate.verified import Proved
from lmctool.graph.capture import capture
from tests.emulated_gpu import streams

if TYPE_CHECKING:
    from lmctool.evaluate.arithmetic import Precision

H200 = 60 << 20
"""Bytes of the cache of one."""


class OnGpu(Tensor):
    """A tensor on the CPU that says it is on a GPU."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda", 1)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> streams.Machine:
    monkeypatch.setattr(gpu_rule, "cache_of", lambda _: H200)
    return streams.install(monkeypatch)


def network() -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))
    module.eval().requires_grad_(False)
    return Network(module, lambda: capture(module, torch.randn(2, 3, 8, 8)))


def head() -> Tensor:
    return torch.randn(2, 3, 8, 8).as_subclass(OnGpu)


@pytest.mark.parametrize(
    ("activation", "size"),
    [
        (1, MOST),
        (128 * 4, MOST),  # an MLP of width 128
        (16 * 28 * 28 * 4, 256),  # a ResNet20 on images of 28 x 28
        (H200 // (3 * CACHED), CACHED),
        (H200 // (3 * CACHED) + 1, UNCACHED),
        (H200, UNCACHED),
    ],
)
def test_a_batch_stays_in_the_cache_unless_it_were_too_small_for_a_gpu(
    activation: int, size: int
) -> None:
    assert examples_at_once(activation, H200) == size


@pytest.mark.parametrize(("seconds", "waits"), [(0.0, True), (1e4, False)])
def test_a_gpu_that_takes_longer_than_the_launches_does_not_wait_for_them(
    seconds: float, waits: bool, machine: streams.Machine
) -> None:
    machine.event_seconds = seconds
    assert waits_for_launches(network()({}), torch.randn(2, 3, 8, 8)) is waits
    assert machine.device == 0


@pytest.mark.parametrize(("seconds", "launch"), [(0.0, "graphs"), (1e4, "module")])
@pytest.mark.parametrize(
    ("precision", "layout"),
    [("float32", "contiguous"), ("tf32", "channels last"), ("bfloat16", "channels last")],
)
def test_auto_replays_what_waits_for_launches_and_lays_images_out_for_tensor_cores(
    seconds: float,
    launch: str,
    precision: Precision,
    layout: str,
    machine: streams.Machine,
) -> None:
    machine.event_seconds = seconds
    strategy = chosen("auto", network(), head(), precision)
    assert str(strategy) == f"{launch}, {layout}" and strategy.size == MOST
    if isinstance(strategy.forward, Proved):
        assert not strategy.forward.required


def test_a_batch_that_does_not_fit_is_halved_before_anything_is_chosen(
    machine: streams.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(_: object, inputs: Tensor) -> bool:
        if len(inputs) > 1000:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return True

    monkeypatch.setattr(gpu_rule, "waits_for_launches", waits)
    assert chosen("auto", network(), head()).size == 512


@pytest.mark.parametrize("word", ["graphs", "compile", "plain", "channels-last"])
def test_a_word_is_taken_on_a_gpu_without_any_timing(word: Word, machine: streams.Machine) -> None:
    strategy = chosen(word, network(), head())
    assert strategy.launch == (word if word in {"graphs", "compile"} else "module")
    assert isinstance(strategy.forward, Proved) is (strategy.launch != "module")
    if isinstance(strategy.forward, Proved):
        assert strategy.forward.required


def test_a_way_that_was_given_up_is_tried_again_and_other_words_are_no_records() -> None:
    assert recorded("graphs then module, contiguous") == ("graphs", torch.contiguous_format)
    for text in ("auto", "graphs", "channels-last", "magic, contiguous", "graphs, upside down"):
        assert recorded(text) is None
