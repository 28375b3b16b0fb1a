"""Times of several ways to do the same work, taken in turns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes, on the GPU too."""
    begun = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def in_turns(ways: Sequence[Callable[[], object]], repeats: int) -> NDArray[np.float64]:
    """Return (repeat, way) seconds, so that a slow moment of the machine meets all ways alike."""
    return np.array([[seconds(way) for way in ways] for _ in range(repeats)])
