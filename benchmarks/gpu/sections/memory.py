"""Memory that runs out: batches halve, and a size that the user chose is one sentence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu.setting import Found, refused, tried
from benchmarks.gpu.subject import LAYOUTS, images, network, strategy_of, weights_of
from lmctool.evaluate import evaluate
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.batch_size import BatchSize
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu.setting import Setting
    from lmctool.data.split import Split
    from lmctool.evaluate import Network, Scores
    from lmctool.evaluate.strategy import Launch

LIMIT = 0.7e9
"""Bytes that the process may take of the device."""
SIZE = 8192
"""Examples that do not fit into it at once."""


def measure(setting: Setting) -> Iterator[Found]:
    """Evaluate a ResNet20 in too little memory."""
    if not setting.on_gpu:
        yield Found("left out", "a CPU's memory is not limited here")
        return
    total = torch.cuda.get_device_properties(setting.device).total_memory
    own, split = network("ResNet20", setting.device), images(SIZE, setting.device)
    small = strategy_of(own, "module", LAYOUTS["contiguous"], 256)
    expected = _scores(own, split, "module", BatchSize(None, small.size)).loss
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(LIMIT / total, setting.device)
    for launch in ("module", "graphs"):
        yield from tried(launch, partial(_halved, own, split, launch, float(expected[0, 0])))
    too_many = partial(_scores, own, split, "module", BatchSize(SIZE))
    yield refused(f"--batch-size {SIZE}", too_many, "it fitted")


def _scores(own: Network, split: Split, launch: Launch, size: BatchSize) -> Scores:
    strategy = strategy_of(own, launch, LAYOUTS["contiguous"], size.size)
    size.on_halving.append(strategy.free)
    with computing("float32", split.targets.device):
        return evaluate(
            strategy.forward,
            weights_of(own, 2),
            [split],
            registry.load(TASKS, "classification"),
            dtype=torch.float32,
            batch_size=size,
        )


def _halved(own: Network, split: Split, launch: Launch, expected: float) -> Iterator[Found]:
    size = BatchSize(None, SIZE)
    loss = float(_scores(own, split, launch, size).loss[0, 0])
    good = 1 <= size.size < SIZE
    yield Found(f"{launch}: examples at once, from {SIZE}", size.size, "", good, f"< {SIZE}")
    good = abs(loss - expected) <= 1e-4 * expected
    yield Found(f"{launch}: loss", loss, "nat", good, f"{expected:.6f}")
