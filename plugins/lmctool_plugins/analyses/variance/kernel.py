"""The variance ratio, what predicts it, and how well units match."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmctool.api import Array

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def ratio(middle: Array, first: Array, second: Array) -> float:
    """Return the summed variance of units over the mean of both ends' (REPAIR, section 3.1).

    Args:
        middle: (channel,) variances between the ends.
        first: (channel,) variances of A.
        second: (channel,) variances of B.

    Returns:
        The ratio; NaN where no unit of either end varies, so that there is nothing to lose.
    """
    ends = (first.sum() + second.sum()) / 2
    return float(middle.sum() / ends) if ends > 0 else float("nan")


def aim(first: Array, second: Array, alpha: float) -> Array:
    """Return (channel,) the variances that REPAIR sets: those of interpolated deviations.

    Args:
        first: (channel,) variances of A.
        second: (channel,) variances of B.
        alpha: the position on the path.
    """
    mixed: Array = ((1 - alpha) * np.sqrt(first) + alpha * np.sqrt(second)) ** 2
    return mixed


def spread(correlation: Array) -> tuple[float, Array]:
    """Return the mean and the quantiles of the correlations of matched units.

    Args:
        correlation: (channel,) with NaN for pairs of which a unit never varies.

    Returns:
        The mean, and (quantile,); NaN where every pair is NaN.
    """
    present = correlation[~np.isnan(correlation)]
    if not len(present):
        return float("nan"), np.full(len(QUANTILES), np.nan)
    return float(present.mean()), np.quantile(present, QUANTILES)
