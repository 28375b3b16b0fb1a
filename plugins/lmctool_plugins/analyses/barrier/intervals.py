"""Bootstrap intervals over examples, of barriers, curves and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api.advanced import interval, resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.api import Array
    from lmctool_plugins.analyses.barrier.paths import Paths

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Intervals:
    """The bounds of the middle 95 % of draws, the first axis of each array: lower, upper.

    Attributes:
        barrier: (bound, metric, variant) of the barrier of each drawn curve.
        curve: (bound, metric, variant, alpha) of the curve, point by point.
    """

    barrier: Array
    curve: Array


def intervals(
    paths: Paths, split: str, repeats: int, seed: int, members: NDArray[np.int64] | None = None
) -> Intervals:
    """Return the intervals of one split, or of some of its examples.

    The examples are drawn once for all metrics, variants and points, and the barrier is taken of
    each drawn curve, so that it keeps what the points of a curve share.

    Args:
        paths: the curves, per example too.
        split: the split.
        repeats: how many draws.
        seed: the seed of the draws.
        members: the positions of the examples; None for all.  NaN where none of them counts.
    """
    values, weights = paths.examples(split), paths.curves.weights.get(split)
    if members is not None:
        values = values[..., members]
        weights = None if weights is None else weights[members]
    if values.shape[-1] == 0 or (weights is not None and not weights.any()):
        nothing = np.full((2, *values.shape[:-1]), np.nan)
        return Intervals(nothing[..., 0], nothing)
    samples = resampled(values, repeats, seed, weights)
    heights, _ = paths.barriers(samples)
    return Intervals(*(np.stack(interval(each, LEVEL)) for each in (heights, samples)))
