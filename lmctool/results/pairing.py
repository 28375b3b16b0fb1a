"""Two results side by side: each metric with both of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.results.metrics import listed

if TYPE_CHECKING:
    from lmctool.results.metrics import Metric
    from lmctool.results.result import Better, Result


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric of two results.

    Attributes:
        name: its full name, such as ``barrier.error[variant=plain,split=test]``.
        one: the metric in the first result; None where that has none of this name.
        other: the metric in the second.
    """

    name: str
    one: Metric | None
    other: Metric | None

    @property
    def difference(self) -> float | None:
        """The second value less the first; None where one is missing or no number."""
        if self.one is None or self.other is None:
            return None
        if self.one.value is None or self.other.value is None:
            return None
        return self.other.value - self.one.value

    @property
    def same(self) -> bool:
        """Whether both have it with the same value; two values that are no numbers are the same."""
        if self.one is None or self.other is None:
            return False
        return self.one.value == self.other.value

    @property
    def metric(self) -> str:
        """Its public name, without coordinates."""
        metric = self.one or self.other
        return metric.name if metric else ""

    @property
    def unit(self) -> str:
        """The unit of its values."""
        metric = self.one or self.other
        return metric.unit if metric else "1"

    @property
    def better(self) -> Better:
        """Which way it is better, as the second result says, or the first where that says none."""
        ways = [each.better for each in (self.other, self.one) if each and each.better]
        return ways[0] if ways else ""


def pairs(one: Result, other: Result) -> list[Pair]:
    """Return every metric of two results, in the order of the first.

    Raises:
        LmctoolError: two variables of one result give the same metric.
    """
    left, right = ({metric.full_name: metric for metric in listed(each)} for each in (one, other))
    return [Pair(name, left.get(name), right.get(name)) for name in dict.fromkeys([*left, *right])]
