"""What an interpolant gains over the networks that it lies between, and averages of several."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from lmctool.api import Array, Weights

OVER = ("mean", "best")
"""What a gain is over: the mean of the children, or the child that is best at that step."""
AT = ("last", "best")
"""Where a gain is summed up: at the last step, or at the first step where it is greatest."""


def gains(children: Array, interpolants: Array) -> Array:
    """Return how much lower each interpolant is than the children, in the unit of the costs.

    Args:
        children: (child, ...) costs.
        interpolants: (variant, ...) the same of each interpolant; NaN where there is none.

    Returns:
        (variant, over, ...) the mean of the children less the interpolant, and the least of the
        children less the interpolant: positive where the interpolant is better.
    """
    first = children[0]
    mean = first + (children - first).mean(axis=0)  # exactly the value of children that are equal
    return np.stack([mean, children.min(axis=0)]) - interpolants[:, None]


def summary(gain: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return each gain at its last and at its best step, and the numbers of these steps.

    Args:
        gain: (..., step) NaN where there is none.

    Returns:
        (..., at) the gain, NaN where there is none at all, and (..., at) where in the last axis
        it stands, then 0.
    """
    present = ~np.isnan(gain)
    last = gain.shape[-1] - 1 - present[..., ::-1].argmax(axis=-1)
    best = np.where(present, gain, -np.inf).argmax(axis=-1)
    places = np.where(present.any(axis=-1, keepdims=True), np.stack([last, best], axis=-1), 0)
    return np.take_along_axis(gain, places, axis=-1), places


def average(
    networks: Iterable[Weights], between: Callable[[Weights, Weights, float], Weights]
) -> Weights:
    """Return the mean of networks, of which never more than two are needed at once.

    Args:
        networks: the weights of each, two or more.
        between: ``between(a, b, alpha)`` returns (1 - alpha) a + alpha b, integer buffers of a.

    Returns:
        The mean of the first n, from n = 1 on, is moved by 1 / (n + 1) of the way to the next.
        Equal networks give themselves, bit for bit.
    """
    counted = enumerate(networks)
    _, first = next(counted)
    return reduce(lambda mean, item: between(mean, item[1], 1 / (item[0] + 1)), counted, first)
