"""The temperature of a network's logits that its calibration examples have the least loss by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.api import Array

FARTHEST = 1e6
"""How far from 1 a temperature may lie: beyond, the loss falls as far as anybody looks."""


def best_temperature(logits: Array, classes: NDArray[np.int64]) -> float:
    """Return the T > 0 of which the softmax of logits / T gives the least mean cross-entropy.

    The loss is convex in 1 / T (Guo et al. 2017, arXiv:1706.04599, section 4.2), and its slope

        mean_i (sum_c p_c(i) z_c(i) - z_y(i)),   p = softmax(z / T)

    is found to be 0 by Brent's method.

    Args:
        logits: (item, class), z.
        classes: (item,) the right class of each, y.

    Returns:
        NaN where there is none: every answer is right, so that the loss falls for ever with T, or
        logits of the right classes are no greater than others, so that it does as T grows.
    """
    from scipy.optimize import brentq

    centred = logits - logits.max(axis=1, keepdims=True)  # of a softmax the greatest is 1
    right = centred[np.arange(len(centred)), classes]

    def slope(place: float) -> float:
        powers = np.exp(centred * math.exp(place))
        means = (powers * centred).sum(axis=1) / powers.sum(axis=1)
        return float((means - right).mean())

    ends = -math.log(FARTHEST), math.log(FARTHEST)
    spread = float(np.abs(centred).mean())
    if not 0 < spread < math.inf:
        return math.nan
    low, high = (end - math.log(spread) for end in ends)
    if not slope(low) < 0 < slope(high):
        return math.nan
    return math.exp(-brentq(slope, low, high, xtol=1e-12, rtol=1e-12))
