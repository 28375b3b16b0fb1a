"""The bootstrap: how far a mean over examples could differ on other examples.

Examples are drawn again with replacement (Efron 1979, "Bootstrap methods: another look at the
jackknife"), all curves on the same draws, so that what is computed of several of them keeps
their correlation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

DRAWS = 64
"""Draws whose counts are in memory at once."""


def resampled(values: Array, repeats: int, seed: int, weights: Array | None = None) -> Array:
    """Return the means over examples that are drawn with replacement.

    Args:
        values: (..., example) what is averaged.
        repeats: how many draws, each of as many examples as there are.
        seed: the seed of the draws; one seed gives the same draws for any values.
        weights: (example,) how much each example counts in a mean; None for all alike.

    Returns:
        (repeat, ...) float64; NaN where no drawn example counts.

    Raises:
        ValueError: there is no example, or less than one draw is asked for.
    """
    count = values.shape[-1]
    if count == 0 or repeats < 1:
        raise ValueError(f"{repeats} draws of {count} examples mean nothing")
    generator = np.random.default_rng(seed)
    rows = values.reshape(-1, count)
    weight = np.ones(count) if weights is None else weights
    # an example without weight counts for nothing, whatever its value is
    weighed = np.where(weight > 0, rows * weight, 0.0)
    means = np.empty((repeats, len(rows)))
    for begin in range(0, repeats, DRAWS):
        draws = min(DRAWS, repeats - begin)
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=draws)
        with np.errstate(invalid="ignore"):
            means[begin : begin + draws] = (drawn @ weighed.T) / (drawn @ weight)[:, None]
    return means.reshape(repeats, *values.shape[:-1])


def interval(samples: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Return the percentile interval of what was computed on each draw.

    Args:
        samples: (repeat, ...) one value for each draw.
        level: the share of draws inside, in (0, 1).

    Returns:
        (...) the lower and (...) the upper bound.
    """
    outside = (1 - level) / 2
    lower, upper = np.quantile(samples, [outside, 1 - outside], axis=0)
    return lower, upper
