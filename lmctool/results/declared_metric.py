"""What an analysis says of a metric before anything is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Quantity = Literal["value", "height", "difference"]
"""A value of a metric, how much worse it gets than a reference that meets it, or a difference."""


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
        percent: whether it is read in per cent though it is no share.
        of: which values these are.
    """

    name: str
    meaning: str
    unit: str = "1"
    low: float = -math.inf
    high: float = math.inf
    share: bool = False
    percent: bool = False
    of: Quantity = "value"

    @property
    def in_percent(self) -> bool:
        """Whether people read it in per cent."""
        return self.share or self.percent

    @property
    def in_points(self) -> bool:
        """Whether people read it in percentage points."""
        return self.in_percent and self.of == "difference"

    def text(self, value: float | None, form: str = ".6g") -> str:
        """Return a value as people read it, or a dash for what is no number.

        >>> DeclaredMetric("barrier.error", "", share=True).text(0.2807567)
        '28.0757 %'

        Args:
            value: a value of it.
            form: the format of the number.
        """
        if value is None or not math.isfinite(value):
            return "-"
        if not self.in_percent:
            return f"{value:{form}}"
        return self.signed(value, form) if self.in_points else f"{100 * value:{form}} %"

    def brief(self, value: float | None) -> str:
        """Return a value as in a table of an analysis: of per cent two decimals, else six digits.

        >>> DeclaredMetric("barrier.error", "", share=True).brief(0.2807567)
        '28.08 %'
        """
        return self.text(value, ".2f" if self.in_percent else ".6g")

    def signed(self, difference: float | None, form: str = ".6g") -> str:
        """Return a difference of two values as people read it: of per cent in points.

        >>> DeclaredMetric("barrier.error", "", share=True).signed(-0.015)
        '-1.5 points'
        """
        if difference is None or not math.isfinite(difference):
            return "-"
        if not self.in_percent:
            return f"{difference:+{form}}"
        return f"{100 * difference:+{form}} points"

    @property
    def range(self) -> str:
        """The least and the greatest value in words; empty where neither is known."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"between {self.low:g} and {self.high:g}"
        if math.isfinite(self.low):
            return f"{self.low:g} or more"
        return f"{self.high:g} or less" if math.isfinite(self.high) else ""
