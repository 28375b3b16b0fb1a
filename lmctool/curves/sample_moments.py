"""Means, variances and covariances of values of examples that come in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.results.array import Array

    Rows = NDArray[np.intp]

ROUNDING = 1e-12
"""The share of a sum of squares that may be left of what does not vary."""


class SampleMoments:
    """The moments of rows of values, some of which end before others.

    The means are weighted ones, sum w x / sum w, and the variances those of w (x - mean) over the
    mean weight, whose mean is how far a weighted mean is off (Cochran 1977, section 6.4).

    Attributes:
        counts: (row,) how many examples each row has.
    """

    def __init__(self, rows: int) -> None:
        """Begin without examples."""
        self.counts = np.zeros(rows, dtype=np.int64)
        self._weight, self._square = np.zeros((2, rows))
        self._sum, self._weighed = np.zeros((2, rows))
        self._products = np.zeros((rows, rows))
        self._least, self._greatest = np.full(rows, np.inf), np.full(rows, -np.inf)
        self._heaviest = 0.0

    def add(self, rows: Rows, values: Array, weights: Array) -> None:
        """Take further examples of some rows.

        Args:
            rows: (row,) the numbers of the rows; all of them had the same examples so far.
            values: (row, example).
            weights: (example,) how much each counts; a value without weight counts for nothing.
        """
        counted = np.where(weights > 0, values, 0.0)
        weighed = counted * weights
        self.counts[rows] += len(weights)
        self._weight[rows] += weights.sum()
        self._square[rows] += (weights**2).sum()
        self._sum[rows] += weighed.sum(axis=1)
        self._weighed[rows] += (weighed * weights).sum(axis=1)
        self._products[np.ix_(rows, rows)] += weighed @ weighed.T
        if (weights > 0).any():
            seen = values[:, weights > 0]
            self._least[rows] = np.minimum(self._least[rows], seen.min(axis=1))
            self._greatest[rows] = np.maximum(self._greatest[rows], seen.max(axis=1))
            self._heaviest = max(self._heaviest, float(weights.max()))

    def mean(self) -> Array:
        """Return the means, (row,); NaN where no example has any weight."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._sum / self._weight

    def variance(self) -> Array:
        """Return the variance of each row, (row,)."""
        mean = self.mean()
        squares = np.diag(self._products)
        centred = squares - 2 * mean * self._weighed + mean**2 * self._square
        share = self._weight / self.counts
        found: Array = centred / (share**2 * np.maximum(self.counts - 1, 1))
        return np.where(centred > ROUNDING * squares, found, 0.0)

    def covariance(self, rows: Rows) -> Array:
        """Return the covariance of rows that have the same examples, (row, row)."""
        if len(rows) == 0:
            return np.zeros((0, 0))
        mean, weighed = self.mean()[rows], self._weighed[rows]
        products = self._products[np.ix_(rows, rows)]
        crossed = np.outer(mean, weighed)
        centred = products - crossed - crossed.T + np.outer(mean, mean) * self._square[rows][0]
        share = self._weight[rows][0] / self.counts[rows][0]
        found: Array = centred / (share**2 * max(self.counts[rows][0] - 1, 1))
        varies = np.diag(centred) > ROUNDING * np.diag(products)
        np.fill_diagonal(found, np.where(varies, np.diag(found), 0.0))
        return found

    def furthest(self, least: float) -> Array:
        """Return how far an example moves the mean at most, (row,), times their number.

        Args:
            least: how far an example may lie from the mean, whatever was seen.
        """
        mean = self.mean()
        seen = np.maximum(self._greatest - mean, mean - self._least)
        scale = self._heaviest * self.counts / self._weight
        most: Array = np.maximum(seen, least) * scale
        return most
