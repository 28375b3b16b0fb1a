"""The mathematics of a curve: where its points lie, how long it is, and how fast it is trained.

A curve of n bends has the points P_0 = A, the bends P_1 ... P_n, and P_(n+1) = B.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

WARM = 0.05
"""The share of the steps in which the rate rises: at first the loss between the ends is high."""
NODES = 64
"""Nodes of the Gauss-Legendre quadrature of an arc length."""


def coefficients(kind: str, bends: int, alpha: float) -> Array:
    """Return how much each point counts at a place of a curve, (point,); the sum is 1.

    Of a Bezier curve these are the Bernstein polynomials of degree n + 1 (of one bend Garipov et
    al. 2018, the Bezier curve of section 3); of a chain hat functions, each 1 at k / (n + 1) (of
    one bend the polygonal chain there).  At 0 and 1 they are exactly those of A and of B alone.

    Args:
        kind: ``bezier`` or ``chain``.
        bends: n.
        alpha: the place, in [0, 1].
    """
    degree = bends + 1
    points = np.arange(degree + 1)
    if kind == "chain":
        hats: Array = np.maximum(0.0, 1 - np.abs(alpha * degree - points))
        return hats
    return bernstein(degree, alpha)


def bernstein(degree: int, alpha: float) -> Array:
    """Return the Bernstein polynomials of a degree at a place, (polynomial,)."""
    points = np.arange(degree + 1)
    chosen = np.array([math.comb(degree, k) for k in points], dtype=np.float64)
    values: Array = chosen * (1 - alpha) ** (degree - points) * alpha**points
    return values


def arc_length(kind: str, products: Array) -> float:
    """Return how long a curve is.

    Of a chain that is the sum of its segments; of a Bezier curve the integral of the norm of its
    derivative (n + 1) sum_k b_(k,n)(alpha) (P_(k+1) - P_k), by Gauss-Legendre quadrature.

    Args:
        kind: ``bezier`` or ``chain``.
        products: (segment, segment) the inner products of the steps from each point to the next.
    """
    if kind == "chain":
        return float(np.sqrt(products.diagonal()).sum())
    degree = len(products)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    speeds = [
        degree * math.sqrt(max(0.0, float(own @ products @ own)))
        for own in (bernstein(degree - 1, (node + 1) / 2) for node in nodes)
    ]
    return float(weights @ np.array(speeds)) / 2


def rate(step: int, steps: int, greatest: float) -> float:
    """Return the learning rate of a step: it rises linearly, and falls to 0 as a half cosine.

    Args:
        step: from 0 up.
        steps: how many there are.
        greatest: the rate where it is greatest.
    """
    warm = max(1, round(WARM * steps))
    if step < warm:
        return greatest * (step + 1) / warm
    return greatest * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) / 2


def tenths(loss: Array) -> tuple[float, float]:
    """Return the mean loss of the first and of the last tenth of the steps."""
    few = max(1, len(loss) // 10)
    return float(loss[:few].mean()), float(loss[-few:].mean())
