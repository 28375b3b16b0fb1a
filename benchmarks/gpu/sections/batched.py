"""Whether many networks at once would be faster than one after the other: three bare kernels."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.work import mean_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from benchmarks.gpu.setting import Setting

ALPHAS, DEPTH, WIDTH, PIXELS = 25, 10, 128, 28 * 28
STREAMS, ROUNDS = 4, 20
CHANNELS, SIDE, GROUPS = 16, 28, 8


def measure(setting: Setting) -> Iterator[Found]:
    """Time stacked products, replays on several streams, and grouped convolutions."""
    with torch.no_grad():
        yield from tried("stacked", partial(_stacked, setting))
        yield from tried("grouped", partial(_grouped, setting))
        if setting.on_gpu:
            yield from tried("streams", partial(_streams, setting))


def _layers(setting: Setting, networks: int) -> list[tuple[Tensor, Tensor]]:
    """Return (network, in, out) weights and (network, 1, out) biases of perceptrons."""
    sizes = [PIXELS, *[WIDTH] * DEPTH, 10]
    return [
        (
            torch.randn(networks, size, out, device=setting.device) / size**0.5,
            torch.zeros(networks, 1, out, device=setting.device),
        )
        for size, out in pairwise(sizes)
    ]


def _through(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    for weight, bias in layers:
        x = torch.baddbmm(bias, x, weight).relu()
    return x


def _stacked(setting: Setting) -> Iterator[Found]:
    count = setting.sized(10_000, 100)
    inputs = torch.randn(count, PIXELS, device=setting.device)
    layers = _layers(setting, ALPHAS)
    several = inputs.expand(ALPHAS, count, PIXELS)
    together = mean_seconds(setting, lambda: _through(layers, several), 3)
    yield Found(f"{ALPHAS} perceptrons stacked", ALPHAS * count / together, "images/s")
    alone = [(weight[:1], bias[:1]) for weight, bias in layers]
    one = mean_seconds(setting, lambda: _through(alone, inputs[None]), 3)
    yield Found("one perceptron", count / one, "images/s", expected="3 to 5 times fewer")


def _grouped(setting: Setting) -> Iterator[Found]:
    count = setting.sized(512, 4)
    for groups in (1, GROUPS):
        x = torch.randn(count, groups * CHANNELS, SIDE, SIDE, device=setting.device)
        kernel = torch.randn(groups * CHANNELS, CHANNELS, 3, 3, device=setting.device)
        work = partial(functional.conv2d, x, kernel, padding=1, groups=groups)
        rate = groups * count / mean_seconds(setting, work, ROUNDS)
        name = f"3x3 convolution of {CHANNELS} channels, {groups} networks in groups"
        yield Found(name, rate, "images/s", expected="grouping does not pay")


def _streams(setting: Setting) -> Iterator[Found]:
    """Time replays of one small network each, one after the other and on several streams."""
    inputs = torch.randn(1, 1024, PIXELS, device=setting.device)
    graphs = []
    for _ in range(STREAMS):
        layers = _layers(setting, 1)
        side = torch.cuda.Stream(setting.device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(setting.device))
        with torch.cuda.stream(side):
            _through(layers, inputs)
        torch.cuda.current_stream(setting.device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            _through(layers, inputs)
        graphs.append((graph, side))

    def in_turn() -> None:
        for graph, _ in graphs:
            graph.replay()

    def side_by_side() -> None:
        for graph, side in graphs:
            with torch.cuda.stream(side):
                graph.replay()

    one, several = (mean_seconds(setting, work, ROUNDS) for work in (in_turn, side_by_side))
    yield Found(f"{STREAMS} replays on one stream", 1e3 * one, "ms")
    yield Found(f"{STREAMS} replays on {STREAMS} streams", 1e3 * several, "ms", None, "0.6 of it")
