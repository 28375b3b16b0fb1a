"""Mean, standard deviation, interval of the mean and paired test of numbers of several results.

Of n independent results the mean m has the standard error s / sqrt(n), s the standard deviation
with n - 1 in the denominator, and the interval m +- t(0.975, n - 1) s / sqrt(n) of Student's t
covers the mean of all results that could have been drawn in 95 % of the cases, where they are
normal (Student 1908, "The probable error of a mean").  A paired test is that of the differences.

Pairs of networks are not independent: each network is in many of them.  The mean over all pairs is
a U-statistic, whose standard error the jackknife gives, which leaves out one network after the
other (Arvesen 1969, "Jackknifing U-statistics", Ann. Math. Statist. 40):

    se^2 = (k - 1) / k  sum over i of (m[-i] - mean of all m[-i])^2

with m[-i] the mean over the pairs without network i, of k; the interval is that of Student's t with
k - 1 degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmctool.results.array import Array

LEVEL = 0.95
"""How often an interval covers what it is of."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What numbers sum up to, each with the shape of one number's array, in float64.

    Attributes:
        mean: the mean; NaN where one of the numbers is.
        std: the standard deviation, with n - 1 in the denominator; NaN of a single number.
        lower: the lower bound of the 95 % interval of the mean; NaN where there is none.
        upper: the upper bound.
        p: how likely a mean at least as far from 0 is, on either side, where that of all results
            is 0; NaN where all numbers are 0 or there is no interval.
    """

    mean: Array
    std: Array
    lower: Array
    upper: Array
    p: Array


def statistics(samples: Array, networks: int | None = None) -> Statistics:
    """Return what the numbers of several results, or of all pairs of networks, sum up to.

    They do not depend on the order of results, to the last bit; of equal numbers the mean is that
    number and the standard deviation 0.

    Args:
        samples: (result, ...) or (pair, ...) float64; pairs in the order of
            ``itertools.combinations``.
        networks: of how many networks these are the pairs; None for independent results.

    Raises:
        ValueError: no numbers, or networks that do not have so many pairs.
    """
    from scipy.special import stdtr, stdtrit

    if not len(samples):
        raise ValueError("nothing has no mean")
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean, std = _mean(samples), _std(samples)
        if networks is None:
            degrees, error = len(samples) - 1, std / np.sqrt(len(samples))
        else:
            degrees, error = networks - 1, jackknife(samples, networks)
        if degrees < 1:
            nothing = np.full(mean.shape, np.nan)
            return Statistics(mean, std, nothing, nothing, nothing)
        reach = stdtrit(degrees, (1 + LEVEL) / 2) * error
        p = 2 * stdtr(degrees, -abs(mean / error))
    return Statistics(mean, std, *map(np.asarray, (mean - reach, mean + reach, p)))


def jackknife(samples: Array, networks: int) -> Array:
    """Return the standard error of the mean over pairs, from the means without each network.

    Args:
        samples: (pair, ...) of all pairs, in the order of ``itertools.combinations``.
        networks: how many networks.  Two have one pair, and so no error: NaN.

    Raises:
        ValueError: networks that do not have so many pairs.
    """
    if (count := networks * (networks - 1) // 2) != len(samples):
        raise ValueError(f"{networks} networks have {count} pairs, not {len(samples)}")
    if networks < 3:
        return np.full(samples.shape[1:], np.nan)
    pairs = np.array(list(combinations(range(networks), 2)))
    without = np.stack([_mean(samples[(pairs != i).all(axis=1)]) for i in range(networks)])
    squares = np.sort((without - _mean(without)) ** 2, axis=0).sum(axis=0)
    return np.asarray(np.sqrt((networks - 1) / networks * squares))


def _mean(samples: Array) -> Array:
    """Return the mean over the first axis, which rounding leaves between the extremes."""
    ordered = np.sort(samples, axis=0)  # NaN is last
    return np.asarray(np.clip(ordered.mean(axis=0), ordered[0], ordered[-1]))


def _std(samples: Array) -> Array:
    if len(samples) < 2:
        return np.full(samples.shape[1:], np.nan)
    squares = np.sort((samples - _mean(samples)) ** 2, axis=0)
    return np.asarray(np.sqrt(squares.sum(axis=0) / (len(samples) - 1)))
