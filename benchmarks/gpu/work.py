"""How much some work asks of a device: launches of kernels, and the time that it is busy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.launch_counter import Launches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import torch

    from benchmarks.gpu.setting import Setting


def launches(device: torch.device, work: Callable[[], object]) -> int:
    """Return how many kernels some work launches on a device."""
    with Launches(device) as counter:
        work()
    found: int = counter.kernels.total()
    return found


@dataclass(frozen=True, slots=True)
class Busy:
    """How busy a GPU was.

    Attributes:
        wall: seconds that the work took, under the profiler.
        busy: seconds in which the GPU did something.
        kernels: how many kernels and copies it did.
    """

    wall: float
    busy: float
    kernels: int


def busy(setting: Setting, work: Callable[[], object]) -> Busy:
    """Return how busy the GPU is during some work."""
    setting.wait()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        begun = time.perf_counter()
        work()
        setting.wait()
        wall = time.perf_counter() - begun
    results: Any = profiler.profiler
    spans = [
        (event.start_ns(), event.end_ns())
        for event in results.kineto_results.events()
        if event.device_type() == DeviceType.CUDA
    ]
    return Busy(wall, covered(spans) / 1e9, len(spans))


def covered(spans: Iterable[tuple[int, int]]) -> int:
    """Return the length of what spans cover together, each (start, end)."""
    total, reached = 0, None
    for start, end in sorted(spans):
        begun = start if reached is None else max(start, reached)
        total += max(end - begun, 0)
        reached = end if reached is None else max(end, reached)
    return total


def seconds(setting: Setting, work: Callable[[], object], rounds: int = 3) -> float:
    """Return the median time of some work, after one round that warms up."""
    taken = []
    for _ in range(rounds + 1):
        setting.wait()
        begun = time.perf_counter()
        work()
        setting.wait()
        taken.append(time.perf_counter() - begun)
    return sorted(taken[1:])[rounds // 2]


def mean_seconds(setting: Setting, work: Callable[[], object], rounds: int) -> float:
    """Return the mean seconds of some work, launched round after round without a wait."""
    for _ in range(3):
        work()
    setting.wait()
    begun = time.perf_counter()
    for _ in range(rounds):
        work()
    setting.wait()
    return (time.perf_counter() - begun) / rounds
