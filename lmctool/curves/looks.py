"""Looks at a growing share of examples, and how far means over them may be off.

The mean of the first n examples of a random order of N is off that of all N by a random walk: with
the examples' variance s2, the differences over sqrt(s2 (1/n - 1/N)) are jointly normal in large
samples (Cochran 1977, *Sampling Techniques*, theorem 2.2, has the variance), and those of n < m
have the correlation sqrt(t_n / t_m) at the informations

    t_n = 1 / (1/n - 1/N)

because the mean of more examples says all that fewer said.  This is the canonical distribution of
group sequential tests (Jennison and Turnbull 1989, J. R. Stat. Soc. B 51, 305).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.results.array import Array

LEAST, PART, GROWTH = 250, 40, 1.3
"""Examples of the first look at least, the part of all that it is, and how shares grow."""
MOST = 0.95
"""The share above which the rest is looked at as well."""


@dataclass(frozen=True, slots=True)
class Looks:
    """When the examples are looked at, which is fixed before any is.

    Attributes:
        counts: how many examples each look is at, rising; those of the last one are all.
    """

    counts: tuple[int, ...]

    @classmethod
    def of(cls, total: int) -> Looks:
        """Return the looks at a split: the first at a fortieth, each at 1.3 times the last.

        Args:
            total: how many examples it has, one or more.
        """
        counts = [max(LEAST, -(-total // PART))]
        while counts[-1] * GROWTH < MOST * total:
            counts.append(int(counts[-1] * GROWTH))
        return cls((*(count for count in counts if count < MOST * total), total))

    @property
    def total(self) -> int:
        """How many examples there are."""
        return self.counts[-1]

    def missing(self, counts: NDArray[np.int64]) -> Array:
        """Return 1/n - 1/N of counts: the variance of a mean over that of its examples."""
        return 1 / counts.astype(np.float64) - 1 / self.total


def bonferroni(wrong: float, comparisons: int) -> float:
    """Return the standard normal quantile that none of some values exceeds but with ``wrong``.

    Args:
        wrong: the probability that any exceeds it, at most.
        comparisons: how many values there are.
    """
    return NormalDist().inv_cdf(1 - wrong / max(1, comparisons))


def furthest(correlation: Array, wrong: float, drawn: Array) -> float:
    """Return the quantile of the greatest absolute value of normal variables.

    Args:
        correlation: (variable, variable).
        wrong: the probability that any is further from 0.
        drawn: (draw, variable or more) independent standard normal numbers.
    """
    if len(correlation) == 0:
        return 0.0
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(values.clip(min=0))
    greatest = np.abs(drawn[:, : len(correlation)] @ root.T).max(axis=1)
    return float(np.quantile(greatest, 1 - wrong, method="higher"))


def correlation(covariance: Array) -> Array:
    """Return the correlation of a covariance (mean, mean); what does not vary has none."""
    spread = np.sqrt(np.diag(covariance))
    moving: NDArray[np.bool_] = spread > 0
    scale = np.where(moving, spread, 1.0)
    found: Array = covariance / np.outer(scale, scale)
    found[~moving] = found[:, ~moving] = 0.0
    np.fill_diagonal(found, 1.0)
    return found
