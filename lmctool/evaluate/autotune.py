"""Which of several strategies is the fastest, found by timing them on the spot."""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING

import torch

from lmctool.errors import LmctoolError, out_of_memory
from lmctool.evaluate.folded import has_batchnorms
from lmctool.evaluate.functional import outputs_of_each
from lmctool.evaluate.strategy import accepts_channels_last, made
from lmctool.evaluate.verified import Disproved
from lmctool.model.tied import once

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn

    from lmctool.data.split import Split
    from lmctool.evaluate.functional import Network
    from lmctool.evaluate.strategy import Launch, Strategy

    Candidate = tuple[Launch, torch.memory_format, int]

SIZES = {"cpu": (32, 64, 128, 256, 1024), "cuda": (256, 1024, 4096)}
"""Examples at once that are tried."""
LAUNCHES: Mapping[str, tuple[Launch, ...]] = {
    "cpu": ("module", "workers", "folded", "folded workers"),
    "cuda": ("module", "graphs"),
}
SECONDS = {"cpu": 0.2, "cuda": 0.02}
"""How long each candidate is timed, at least."""


def fastest(network: Network, split: Split, dtype: torch.dtype, size: int | None) -> Strategy:
    """Return the strategy that evaluates most examples a second.

    Args:
        network: the model.
        split: the examples.
        dtype: the dtype of the inputs.
        size: examples at once if the user chose them, else None to try several.

    Raises:
        LmctoolError: not even the smallest batch fits in memory.
    """
    rates: dict[Candidate, float] = {}
    for candidate in candidates(network, split, dtype, size):
        strategy = made(network, *candidate, required=False)
        rate = examples_per_second(strategy, network.module, split, dtype)
        if rate is not None:
            rates[candidate] = rate
    if not rates:
        raise LmctoolError(
            "no way to evaluate the model fits in memory; try a smaller --batch-size or another"
            " --device"
        )
    best = max(rates, key=lambda candidate: rates[candidate])
    return made(network, *best, required=False)


def candidates(
    network: Network, split: Split, dtype: torch.dtype, size: int | None
) -> Iterator[Candidate]:
    """Give every way to evaluate a model on the device of its data."""
    device = split.targets.device.type
    casts = torch.is_autocast_enabled(device)
    layouts = [torch.contiguous_format]
    if accepts_channels_last(network, split.head(2, dtype)):
        layouts.append(torch.channels_last)
    sizes = [size] if size else sorted({min(each, len(split)) for each in SIZES[device]})
    launches = [
        launch
        for launch in LAUNCHES[device]
        if not launch.startswith("folded") or (has_batchnorms(network.module) and not casts)
    ]
    yield from product(launches, layouts, sizes)


def examples_per_second(
    strategy: Strategy, module: nn.Module, split: Split, dtype: torch.dtype
) -> float | None:
    """Return how fast a strategy is on the first batch of a split, or None if it can't be used.

    Args:
        strategy: the strategy.
        module: the model, whose own weights are the network.
        split: the examples.
        dtype: the dtype of the inputs.
    """
    inputs = split.head(strategy.size, dtype)
    weights = once(module.state_dict(), module)
    several = [(inputs, None)] * (2 * strategy.workers.count if strategy.workers else 1)
    try:
        with torch.no_grad():
            outputs = strategy.forward(weights)
            outputs(inputs)
            _wait(inputs)
            rounds, begun = 0, time.perf_counter()
            least = SECONDS[inputs.device.type]
            while (spent := time.perf_counter() - begun) < least or rounds < 2:
                for _ in outputs_of_each(outputs, several):
                    pass
                _wait(inputs)
                rounds += 1
    except Disproved:  # the faster way cannot take the model
        return None
    except Exception as error:
        if not out_of_memory(error):
            raise
        return None
    return rounds * len(several) * len(inputs) / spent


def _wait(inputs: Tensor) -> None:
    if inputs.device.type == "cuda":
        torch.cuda.synchronize(inputs.device)
