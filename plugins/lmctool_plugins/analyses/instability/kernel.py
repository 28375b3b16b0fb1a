"""Which siblings a pair has, and from which step on a network is stable."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api.advanced import SHARE, slack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.api import Array


def forks(steps: NDArray[np.int64]) -> list[tuple[int, slice]]:
    """Return each step with the place of its pairs, which follow one another.

    >>> forks(np.array([0, 0, 0, 500]))
    [(0, slice(0, 3, None)), (500, slice(3, 4, None))]

    Args:
        steps: (pair,) the step of the fork of each pair, rising.
    """
    found, begin = [], 0
    for step, own in groupby(steps.tolist()):
        end = begin + len(list(own))
        found.append((step, slice(begin, end)))
        begin = end
    return found


def sibling_count(pairs: int) -> int:
    """Return how many siblings have so many pairs.

    >>> [sibling_count(pairs) for pairs in (1, 3, 6)]
    [2, 3, 4]

    Raises:
        ValueError: no number of siblings has so many.
    """
    siblings = (1 + math.isqrt(1 + 8 * pairs)) // 2
    if siblings < 2 or math.comb(siblings, 2) != pairs:
        raise ValueError(f"no number of siblings has {pairs} pairs")
    return siblings


def stable_from(steps: NDArray[np.int64], errors: Array, stable: float) -> Array:
    """Return the first step from which on the error instability is below a bound.

    Args:
        steps: (step,) rising.
        errors: (step, ...) error instability; NaN is not below.
        stable: the bound, a share; what reaches it up to rounding is not below.

    Returns:
        (...) the step; NaN where the last fork is not below.
    """
    below = errors < stable - slack(SHARE)
    onwards = np.logical_and.accumulate(below[::-1])[::-1]
    first = steps[onwards.argmax(axis=0)].astype(np.float64)
    return np.where(onwards.any(axis=0), first, np.nan)
