"""The levels of contours: even ones, or a few to each power of ten."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lmctool.api import Array, ScoreMetric

COUNT = 10
"""About how many even levels there are, and the most powers of ten."""
LEAST = 0.06
"""The least part of a colour bar between two levels: there is room for their numbers."""
TOWERING = 10
"""Values that are so many times the least need a log scale."""
STEPS = ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
"""The levels of a decade, from the most to the fewest."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a panel.

    Attributes:
        values: (level,) rising, from below the least value to above the greatest.
        log: whether they are even on a log scale.
    """

    values: Array
    log: bool

    @classmethod
    def of(cls, values: Array) -> Levels:
        """Return levels for values; NaN and infinite ones count for nothing."""
        there = values[np.isfinite(values)]
        low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
        if low > 0 and high > TOWERING * low:
            return cls(_of_decades(low, high), True)
        return cls(_even(low, high), False)

    @property
    def norm(self) -> Any:
        """What takes values to colours."""
        from matplotlib.colors import LogNorm, Normalize

        return (LogNorm if self.log else Normalize)(self.values[0], self.values[-1])


def level_text(metric: ScoreMetric, level: float) -> str:
    """Return a level as it stands beside an axis."""
    return f"{100 * level:.3g} %" if metric.percent else f"{level:.3g}"


def _even(low: float, high: float) -> Array:
    """Return even levels around values, of plain numbers."""
    from matplotlib.ticker import MaxNLocator

    places = MaxNLocator(COUNT, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return np.asarray(places, dtype=np.float64)


def _of_decades(low: float, high: float) -> Array:
    """Return levels around positive values, a few in each decade, of plain numbers."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in STEPS:
        levels = np.outer(10.0 ** np.arange(first, last + 1), steps).ravel()
        begin = max(int(np.searchsorted(levels, low, side="right")) - 1, 0)
        end = int(np.searchsorted(levels, high))
        own = levels[begin : end + 1]
        if np.diff(np.log(own)).min() >= LEAST * np.log(own[-1] / own[0]):
            return own
    skip = -(-(last - first) // COUNT)
    return np.power(10.0, np.arange(first, last + skip, skip, dtype=np.float64))
