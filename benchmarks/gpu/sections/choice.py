"""What ``auto`` chooses, what the choice costs, and whether it is the fastest way there is."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.subject import images, network, scores, weights_of
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.strategy import chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu.setting import Setting
    from lmctool.data.split import Split
    from lmctool.evaluate import Network
    from lmctool.evaluate.strategy import Strategy, Word

COST = 0.2
"""Seconds that a choice may take."""
NETWORKS = 4
ROUNDS = 20
NEARLY = 0.9
"""Share of the best rate that ``auto`` must reach."""


def measure(setting: Setting) -> Iterator[Found]:
    """Look at the choice for each model."""
    split = images(setting.sized(10_000, 64), setting.device)
    for model in setting.sized(("MLP", "VGG11", "ResNet20", "ViT"), ("MLP", "ResNet20")):
        yield from tried(model, partial(_of_model, setting, model, split))


def _of_model(setting: Setting, model: str, split: Split) -> Iterator[Found]:
    own = network(model, setting.device)
    yield from _forward(setting, own, model, split)
    strategy, first = _timed_choice(setting, own, split)
    yield Found(f"{model}: the choice", first, "s", first <= COST, f"<= {COST} s")
    _, again = _timed_choice(setting, own, split)
    yield Found(f"{model}: the same choice again", again, "s", expected="cached")
    size = min(strategy.size, len(split))
    yield Found(f"{model}: chosen", f"{strategy}, {size} at once")
    words: tuple[Word, ...] = ("plain", "graphs") if setting.on_gpu else ("plain",)
    rates = {}
    for word in words:
        with computing("float32", setting.device):
            other = chosen(word, own, split.head(2, torch.float32))
        rates[word] = _rate(setting, own, other, split)
        yield Found(f"{model}: {word}, {other.size} at once", rates[word], "images/s")
    rate = _rate(setting, own, strategy, split)
    good = rate >= NEARLY * max(rates.values()) if setting.on_gpu else None
    yield Found(f"{model}: auto", rate, "images/s", good, f">= {NEARLY} of the fastest")


def _forward(setting: Setting, own: Network, model: str, split: Split) -> Iterator[Found]:
    """Tell whether one forward pass is bound by the launches of its kernels, or by the device."""
    inputs = split.head(setting.sized(1024, 8), torch.float32)
    with torch.no_grad():
        own.module(inputs)
        setting.wait()
        begun = time.perf_counter()
        for _ in range(ROUNDS):
            own.module(inputs)
        launched = time.perf_counter() - begun
        setting.wait()
        done = time.perf_counter() - begun
    each = 1e3 / ROUNDS
    yield Found(f"{model}: launching a forward of {len(inputs)}", each * launched, "ms")
    yield Found(f"{model}: a forward of {len(inputs)}, done", each * done, "ms")


def _timed_choice(setting: Setting, own: Network, split: Split) -> tuple[Strategy, float]:
    setting.wait()
    begun = time.perf_counter()
    with computing("float32", setting.device):
        strategy = chosen("auto", own, split.head(2, torch.float32))
    setting.wait()
    return strategy, time.perf_counter() - begun


def _rate(setting: Setting, own: Network, strategy: Strategy, split: Split) -> float:
    """Return examples a second of several networks; one before them warms up."""
    networks = weights_of(own, NETWORKS)
    scores(strategy, networks, split)
    setting.wait()
    begun = time.perf_counter()
    scores(strategy, networks, split)
    setting.wait()
    return NETWORKS * len(split) / (time.perf_counter() - begun)
