"""One value of a metric beside what a gate compares it with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from lmctool.gates.condition import OPERATORS, OPPOSITE
from lmctool.results.rounding import SHARE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.gates.condition import Condition
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.metrics import Metric

    Declared = Mapping[str, DeclaredMetric]

UNDECLARED: Declared = MappingProxyType({})
"""What an analysis declares that declares nothing."""
DIGITS = range(2, 18)
"""Decimals of a percentage that are tried, and four fewer than digits of another number."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value and its limit.

    Attributes:
        condition: what compares them.
        metric: the name of the value, with its coordinates.
        value: the value.
        before: the baseline's value at the same place; None where none is asked for.
        gap: the value less the limit; 0 where rounding explains the difference.
        percent: whether they are shown in per cent, as shares are.
    """

    condition: Condition
    metric: str
    value: float
    before: float | None
    gap: float
    percent: bool

    @classmethod
    def of(
        cls, condition: Condition, metric: Metric, before: float | None, declared: Declared
    ) -> Comparison:
        """Compare a value that is a number."""
        own = declared.get(metric.name)
        share = own is not None and own.share
        percent = own is not None and own.in_percent
        value = 0.0 if metric.value is None else metric.value
        gap = condition.gap(value, before or 0.0, SHARE if share else 0.0)
        return cls(condition, metric.full_name, value, before, gap, percent)

    @property
    def limit(self) -> float:
        """What the value is compared with."""
        return self.condition.limit(self.before or 0.0)

    @property
    def holds(self) -> bool:
        """Whether the value fulfils the condition."""
        return OPERATORS[self.condition.operator](self.gap, 0.0)

    @property
    def margin(self) -> float:
        """How far the value could still go, negative where it went too far."""
        return self.condition.margin(self.gap)

    @property
    def text(self) -> str:
        """Both, such as ``b.error = 0.61 % > 0.29 % (baseline 0.28 % + 5 %)``."""
        operator = self.condition.operator
        numbers = [self.limit if self.gap == 0 else self.value, self.limit]
        if self.before is not None:
            numbers.append(self.before)
        value, limit, *before = _shown(numbers, percent=self.percent)
        text = f"{self.metric} = {value} {operator if self.holds else OPPOSITE[operator]} {limit}"
        return text + "".join(f" (baseline {each}{self._allowed()})" for each in before)

    def unsettled(self, metric: Metric) -> str:
        """Return why an estimated value tells nothing of the condition; empty if it does.

        Args:
            metric: the value's own.
        """
        if metric.interval is None:
            return ""
        lower, upper = metric.interval
        if not math.isfinite(lower) or not math.isfinite(upper):
            return (
                f"{self.metric} is estimated on a share of the examples and has no interval; leave"
                " --within out to judge it"
            )
        ends = [self.condition.holds(end, self.before or 0.0) for end in (lower, upper)]
        inside = self.condition.operator in {"==", "!="} and lower < self.limit < upper
        if ends[0] == ends[1] and not inside:
            return ""
        limit, low, high = _shown([self.limit, lower, upper], percent=self.percent)
        return (
            f"the 95 % interval of {self.metric}, {low} to {high}, has values on both sides of"
            f" {limit}; a smaller --within, or none, tells"
        )

    def _allowed(self) -> str:
        """Return what is done to the baseline's value, in words."""
        factor, number = self.condition.factor, self.condition.number
        words = ""
        if factor != 1:
            more = 100 * abs(factor - 1)
            sign = "+" if factor > 1 else "-"
            words = f" {sign} {more:.6g} %" if more < 100 else f" * {factor:.6g}"
        if number:
            sign = "+" if number > 0 else "-"
            size = f"{100 * abs(number):.6g} points" if self.percent else f"{abs(number):.6g}"
            words += f" {sign} {size}"
        return words


def _shown(numbers: Sequence[float], *, percent: bool) -> list[str]:
    """Return numbers with as many digits as tell those apart that differ, and from 0."""
    numbers = [x + 0.0 for x in numbers]  # no -0
    different = len({*numbers, 0.0})
    texts: list[str] = []
    for digits in DIGITS:
        texts = [_percent(x, digits) if percent else f"{x:.{digits + 4}g}" for x in numbers]
        if len({*texts, _percent(0.0, digits) if percent else "0"}) == different:
            break
    return texts


def _percent(share: float, digits: int) -> str:
    text = f"{100 * share:.{digits}f}".rstrip("0").rstrip(".")
    return ("0" if text in {"-0", ""} else text) + " %"
