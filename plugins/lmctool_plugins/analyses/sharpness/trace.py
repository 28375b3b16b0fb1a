"""The trace of a symmetric matrix that is known by its products with vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from lmctool.api import Array

    Product = Callable[[Tensor], Tensor]

LEAST = 32
"""Fewer samples say too little of their own spread: it would end where that happens to be small."""


def samples(product: Product, draw: Callable[[], Tensor], most: int, share: float) -> Array:
    """Return samples v'Hv, (sample,), whose mean estimates the trace (Hutchinson 1990).

    No more are drawn once the standard error of their mean is small, or after one that is no
    number, which is infinity here.

    Args:
        product: returns the matrix times a vector, both (size,).
        draw: returns a vector of random signs, (size,).
        most: the most samples.
        share: the standard error that is small, as a share of the mean's size.
    """
    found: list[float] = []
    while len(found) < most:
        vector = draw()
        sample = float(product(vector).double() @ vector.double())
        found.append(sample if math.isfinite(sample) else math.inf)
        if not math.isfinite(sample):
            break
        if len(found) >= LEAST:
            mean, error = estimate(np.array(found))
            if error <= share * abs(mean):
                break
    return np.array(found)


def estimate(values: Array) -> tuple[float, float]:
    """Return the mean of samples and its standard error, (sample,); NaN are none.

    Both are NaN where a sample is infinite.
    """
    there = values[~np.isnan(values)]
    if not np.isfinite(there).all():
        return math.nan, math.nan
    if len(there) < 2:
        return (float(there[0]) if len(there) else math.nan), math.nan
    return float(there.mean()), float(there.std(ddof=1) / math.sqrt(len(there)))
