"""Captured networks give what the module gives: every example, network, precision and layout."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.subject import (
    LAYOUTS,
    PRECISIONS,
    corrected,
    images,
    network,
    scores,
    strategy_of,
    weights_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu.setting import Setting
    from benchmarks.gpu.subject import Weights
    from lmctool.data.split import Split
    from lmctool.evaluate import Network
    from lmctool.evaluate.arithmetic import Precision

BATCH = 384
"""Examples at once, which 1,000 of them do not fill: the last batch has another size."""
NETWORKS = 5
TOLERANCE = {"float32": 1e-4, "tf32": 5e-3, "bfloat16": 5e-2}
"""Greatest difference over the greatest loss; kernels of two batch sizes may round differently."""


def measure(setting: Setting) -> Iterator[Found]:
    """Compare replays with the module; on a CPU, what it has in their place."""
    split = images(setting.sized(1000, 10), setting.device)
    for model in setting.sized(("MLP", "ResNet20", "VGG11", "ViT"), ("MLP", "ResNet20")):
        yield from tried(model, partial(_of_model, setting, model, split))


def _of_model(setting: Setting, model: str, split: Split) -> Iterator[Found]:
    own = network(model, setting.device)
    networks = weights_of(own, NETWORKS)
    layouts = LAYOUTS if model in {"ResNet20", "VGG11"} else {"contiguous": LAYOUTS["contiguous"]}
    for precision, layout in product(setting.sized(PRECISIONS, ("float32",)), layouts):
        name = f"{model}, {precision}, {layout}"
        work = partial(_compared, setting, own, networks, split, name, precision, layout)
        yield from tried(name, work)
    if model == "ResNet20":
        repaired = [corrected(own, weights) for weights in networks]
        name = f"{model}, float32, a tap corrected"
        work = partial(_compared, setting, own, repaired, split, name, "float32", "contiguous")
        yield from tried(name, work)


def _compared(
    setting: Setting,
    own: Network,
    networks: list[Weights],
    split: Split,
    name: str,
    precision: Precision,
    layout: str,
) -> Iterator[Found]:
    size = setting.sized(BATCH, 4)
    fast = strategy_of(own, "graphs" if setting.on_gpu else "workers", LAYOUTS[layout], size)
    plain = strategy_of(own, "module", LAYOUTS[layout], size)
    found, losses = (
        scores(way, networks, split, precision, size, per_example=True).losses["test"]
        for way in (fast, plain)
    )
    difference = float(np.abs(found - losses).max() / np.abs(losses).max())
    limit = TOLERANCE[precision]
    yield Found(f"{name}: greatest difference", difference, "", difference <= limit, f"<= {limit}")
    distinct = len({row.tobytes() for row in losses})
    yield Found(f"{name}: different networks", distinct, "", distinct == NETWORKS, str(NETWORKS))
    if setting.on_gpu:
        reason = fast.given_up
        yield Found(f"{name}: still in use", reason or "True", passed=not reason, expected="True")
