"""What an analysis says of a metric before anything is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeclaredMetric:
    """A metric that an analysis can give.

    Attributes:
        name: its public name, such as ``barrier.error``.
        meaning: what it is, in a few words.
        unit: ``"1"`` for plain numbers and shares, ``"nat"`` for losses.
        low: the least value that it can have.
        high: the greatest value that it can have.
        share: whether it is a share, or a difference of shares, so that 2 must mean 2 %.
    """

    name: str
    meaning: str
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    share: bool = False

    @property
    def range(self) -> str:
        """The least and the greatest value in words; empty where neither is known."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"between {self.low:g} and {self.high:g}"
        if math.isfinite(self.low):
            return f"{self.low:g} or more"
        return f"{self.high:g} or less" if math.isfinite(self.high) else ""
