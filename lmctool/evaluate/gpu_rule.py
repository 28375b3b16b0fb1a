"""The rule for a GPU: which batch it takes, and whether launches are replayed.

The batch follows from the model and the device, so that numbers are the same at every run.  Who
launches the work is found by a few forward passes, for it changes no number.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.evaluate.functional import Outputs

HELD = 3
"""How many of the largest activation a cache has to hold: an input, a weight's share, an output."""
CACHED = 256
"""Examples at once below which a GPU is too idle to be worth staying in its cache."""
UNCACHED = 2048
"""Examples at once where the activations do not fit the cache anyway."""
MOST = 16384
"""Examples at once, however small they are."""
PASSES = 5
"""Forward passes that are launched one after the other, without a wait, to see who waits."""
BOUND = 1.25
"""How many times the time of the launches the device may take, and still have waited for them."""


def examples_at_once(activation: int, cache: int) -> int:
    """Return a batch size for a GPU, a power of two.

    Args:
        activation: bytes of the largest activation of one example.
        cache: bytes of the device's L2 cache.
    """
    fitting = cache // (HELD * max(1, activation))
    if fitting < CACHED:
        return UNCACHED
    return min(1 << fitting.bit_length() >> 1, MOST)


def cache_of(device: torch.device) -> int:
    """Return the bytes of a GPU's L2 cache."""
    return int(torch.cuda.get_device_properties(device).L2_cache_size)


def waits_for_launches(outputs: Outputs, inputs: Tensor) -> bool:
    """Tell whether a GPU takes no longer for a forward pass than Python does to launch it.

    Args:
        outputs: the network.
        inputs: (example, ...) a batch, on the device.
    """
    with torch.no_grad(), torch.cuda.device(inputs.device):
        outputs(inputs)  # libraries choose their kernels
        torch.cuda.synchronize()
        event: Any = torch.cuda.Event  # which has no annotations
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record()
        started = time.perf_counter()
        for _ in range(PASSES):
            outputs(inputs)
        launching = time.perf_counter() - started
        end.record()
        end.synchronize()
        taking: float = begin.elapsed_time(end) / 1000  # from milliseconds
    return taking <= BOUND * launching
