"""What the parts of the main command cost beside the evaluation, in time and in launches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.work import busy, launches, seconds
from benchmarks.speed import textbook
from benchmarks.speed.subject import run, write_images, write_pair
from lmctool.evaluate.arithmetic import computing
from lmctool.statistics import Goal
from lmctool_plugins.aligners.activation import align

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.gpu.setting import Setting
    from lmctool.run.run import Run

LAUNCHES = 2000
"""How many kernels the alignment of a ResNet20 by 5,000 examples may launch."""
FASTER = 5
"""Times that it is to be faster than a pass for each group."""
BATCHES = (100, 500, 2500)
BOUND = 0.6
"""A GPU that is busy for less of the time waits for launches."""


def measure(setting: Setting) -> Iterator[Found]:
    """Time alignment, statistics and proof of a ResNet20, or of a perceptron on a CPU."""
    count = setting.sized(5000, 40)
    pair = write_pair(setting.folder, setting.sized("ResNet20", "MLP"))
    work = run(pair, write_images(setting.folder, count, 2), str(setting.device), count)
    yield from tried("alignment", partial(_alignment, setting, work))
    yield from tried("alignment by batch", partial(_by_batch, setting, work))
    yield from tried("statistics", partial(_statistics, setting, work))
    yield from tried("proof", partial(_proof, setting, work))


def _alignment(setting: Setting, work: Run) -> Iterator[Found]:
    a, b = work.weights(0), work.weights(1)
    ours = partial(align, work, a, b)
    count = launches(setting.device, ours)
    good = count <= LAUNCHES if setting.on_gpu else None
    yield Found("alignment: launches", count, "", good, f"<= {LAUNCHES}")
    with computing("float32", setting.device):
        theirs = partial(textbook.align, work, a, b)
        yield Found(
            "alignment, textbook: launches", launches(setting.device, theirs), "", expected="21,060"
        )
        by_hand = seconds(setting, theirs, 1)
    taken = seconds(setting, ours, setting.sized(3, 1))
    yield Found("alignment", taken, "s", expected="0.06")
    yield Found("alignment, textbook", by_hand, "s", expected="0.5")
    good = by_hand / taken >= FASTER if setting.on_gpu else None
    yield Found("alignment against the textbook", by_hand / taken, "times", good, f">= {FASTER}")
    yield from tried("alignment, profiled", partial(_busy, setting, "alignment", ours))


def _by_batch(setting: Setting, work: Run) -> Iterator[Found]:
    """Time the alignment with other numbers of examples at once."""
    ours = partial(align, work, work.weights(0), work.weights(1))
    for size in setting.sized(BATCHES, BATCHES[:1]):
        work.calibration.cross_batch.size = size
        yield Found(f"alignment, {size} at once", seconds(setting, ours, 1), "s")


def _statistics(setting: Setting, work: Run) -> Iterator[Found]:
    axes = {target.tap: target.axis for target in work.resources.targets("both")}
    weights = work.weights(0)
    moments = work.calibration.moments(weights, axes)
    goals = {tap: Goal(axes[tap], found.mean, found.std) for tap, found in moments.items()}
    ways: dict[str, Callable[[], object]] = {
        "moments": partial(work.calibration.moments, weights, axes),
        "renormalised": partial(work.calibration.renormalised, weights, goals),
    }
    batches = -(-len(work.calibration.split) // work.calibration.batch)
    for name, way in ways.items():
        each = launches(setting.device, way) / batches
        yield Found(f"{name}: launches a batch", each, "", expected="about 140")
        yield Found(name, seconds(setting, way, setting.sized(3, 1)), "s")
        yield from tried(f"{name}, profiled", partial(_busy, setting, name, way))


def _proof(setting: Setting, work: Run) -> Iterator[Found]:
    b = work.weights(1)
    permutation = work.align(work.weights(0), b)
    way = partial(work.symmetries.prove, b, permutation)
    proof = way()
    margin = proof.difference / proof.tolerance
    yield Found(
        f"proof in {proof.dtype}: difference over tolerance", margin, "", proof.holds, "< 1"
    )
    yield Found("proof", seconds(setting, way, 1), "s", expected="0.1")


def _busy(setting: Setting, name: str, way: Callable[[], object]) -> Iterator[Found]:
    if not setting.on_gpu:
        return
    found = busy(setting, way)
    yield Found(f"{name}: kernels and copies", found.kernels)
    share, expected = found.busy / found.wall, f"below {BOUND} it waits for launches"
    yield Found(f"{name}: busy share of the time, profiled", share, "", expected=expected)
    yield Found(f"{name}: GPU busy", found.busy, "s")
