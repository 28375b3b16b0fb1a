"""Conditions: what the values of a metric have to be, in words that a user types.

    METRIC[DIM=VALUE,...] OP NUMBER[%]
    METRIC[DIM=VALUE,...] OP baseline [* NUMBER] [+ NUMBER[%]]

such as ``barrier.error[variant=align+repair,split=test] <= 2%``, or ``barrier.error <= baseline
+ 0.5%`` for no more than half a point above what an earlier result has at the same place.  A
selection that leaves dims open takes every value along them, and each has to fulfil the condition.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.results.metrics import full_name
from lmctool.results.rounding import slack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmctool.results.metrics import Metric

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
OPPOSITE = {"<=": ">", ">": "<=", ">=": "<", "<": ">=", "==": "!=", "!=": "=="}
LONGEST = 1000
"""Characters of an expression that are read."""

_WORD = r"[A-Za-z_][\w.-]*"
_VALUE = r'"[^"]*"|[^",\]\s][^",\]]*'
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SELECTION = rf"\s*(?P<metric>{_WORD})\s*(?:\[(?P<where>[^\"\]]*(?:\"[^\"]*\"[^\"\]]*)*)\])?\s*"
_EXPRESSION = re.compile(
    rf"{_SELECTION}(?P<operator><=|>=|==|!=|<|>)\s*"
    rf"(?:(?P<baseline>baseline)\b\s*(?:\*\s*(?P<factor>{_NUMBER})\s*)?(?:(?P<sign>[+-])\s*"
    rf"(?P<margin>{_NUMBER})\s*(?P<share>%?)\s*)?"
    rf"|(?P<number>[+-]?{_NUMBER})\s*(?P<percent>%?)\s*)"
)
_ENTRY = re.compile(rf"\s*(?P<dim>[A-Za-z_]\w*)\s*=\s*(?P<value>{_VALUE})\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Condition:
    """What the values of a metric have to be.

    Attributes:
        metric: the name.
        where: the coordinate that each named dim has; other dims take every coordinate.
        operator: a key of ``OPERATORS``.
        number: what values are compared with, or what is added to the baseline's value.
        factor: what the baseline's value at the same place is multiplied by; 0 where the
            condition names no baseline.
    """

    metric: str
    where: Mapping[str, str]
    operator: str
    number: float
    factor: float = 0.0

    def __str__(self) -> str:
        """Return its expression."""
        return f"{full_name(self.metric, self.where)} {self.operator} {self._right()}"

    def limit(self, before: float = 0.0) -> float:
        """Return what values are compared with, where the baseline has ``before``."""
        return self.factor * before + self.number

    def gap(self, value: float, before: float = 0.0, term: float = 0.0) -> float:
        """Return the value less what it is compared with; 0 where rounding explains the difference.

        Args:
            value: the value.
            before: the baseline's value at the same place.
            term: the greatest of what both values were made of, as of a difference of shares 1.
        """
        limit = self.limit(before)
        own = max(term, abs(value), abs(limit), abs(self.number))
        earlier = abs(self.factor) * max(term, abs(before))
        gap = value - limit
        return 0.0 if abs(gap) <= slack(own) + slack(earlier) < math.inf else gap

    def holds(self, value: float, before: float = 0.0, term: float = 0.0) -> bool:
        """Tell whether a value fulfils it; the arguments are those of ``gap``."""
        return OPERATORS[self.operator](self.gap(value, before, term), 0.0)

    def margin(self, gap: float) -> float:
        """Return how far a value could still go, negative where it went too far.

        Args:
            gap: the value less what it is compared with.
        """
        match self.operator:
            case "<=" | "<":
                return 0.0 - gap
            case ">=" | ">":
                return gap
            case "==":
                return 0.0 - abs(gap)
            case _:
                return abs(gap)

    def selects(self, metric: Metric) -> bool:
        """Tell whether it is about this number."""
        there = (metric.where.get(dim) == value for dim, value in self.where.items())
        return metric.name == self.metric and all(there)

    def negated(self) -> Condition:
        """Return the condition that holds where this one does not."""
        return replace(self, operator=OPPOSITE[self.operator])

    def _right(self) -> str:
        if not self.factor:
            return _digits(self.number)
        times = "" if self.factor == 1 else f" * {_digits(self.factor)}"
        sign = "-" if self.number < 0 else "+"
        return f"baseline{times}" + (f" {sign} {_digits(abs(self.number))}" if self.number else "")


def parse(text: str) -> Condition:
    """Return the condition of an expression.

    Raises:
        LmctoolError: it is none.
    """
    if len(text) > LONGEST:
        raise LmctoolError(f"a condition of {len(text)} characters is too long; {LONGEST} at most")
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise LmctoolError(
            f"{text!r} is no condition; write METRIC[DIM=VALUE,...] OP NUMBER, such as"
            " 'barrier.error[variant=align+repair] <= 2%', with OP one of <= < >= > == !=, and"
            " for NUMBER if you like 'baseline * 1.05' or 'baseline + 0.5%'"
        )
    if match["baseline"]:
        number = _finite((match["sign"] or "") + (match["margin"] or "0"), match["share"], text)
        factor = _finite(match["factor"] or "1", "", text)
        if factor == 0:
            raise LmctoolError(f"{text!r} multiplies the baseline by 0, so it compares with none")
    else:
        number, factor = _finite(match["number"], match["percent"], text), 0.0
    where = _selection(match["where"] or "", text)
    return Condition(match["metric"], where, match["operator"], number, factor)


def parse_selection(text: str) -> tuple[str, dict[str, str]]:
    """Return the metric and the coordinates that ``NAME[DIM=VALUE,...]`` says.

    Raises:
        LmctoolError: it says none.
    """
    match = re.fullmatch(_SELECTION, text) if len(text) <= LONGEST else None
    if match is None:
        raise LmctoolError(f"{text[:LONGEST]!r} is no metric; write METRIC[DIM=VALUE,...]")
    return match["metric"], _selection(match["where"] or "", text)


def _finite(digits: str, percent: str | None, expression: str) -> float:
    """Return a number of an expression; a percent sign makes hundredths of it."""
    number = float(digits)
    if not math.isfinite(number):
        raise LmctoolError(f"{digits!r} in {expression!r} is too large a number")
    return number / 100 if percent else number


def _digits(number: float) -> str:
    return repr(number).removesuffix(".0")


def _selection(text: str, expression: str) -> dict[str, str]:
    """Return the coordinates that an expression names."""
    selection: dict[str, str] = {}
    place = 0
    while text[place:].strip():
        entry = _ENTRY.match(text, place)
        if entry is None:
            raise LmctoolError(
                f"{text[place:].strip()!r} in {expression!r} is no selection; write"
                " DIM=VALUE, with quotes around a value that has a comma or a bracket in it"
            )
        dim, value = entry["dim"], entry["value"]
        if dim in selection:
            raise LmctoolError(f"{expression!r} names {dim!r} twice")
        selection[dim] = value[1:-1] if value.startswith('"') else value.rstrip()
        place = entry.end()
    return selection


SHOWN = 3
"""Values that a sentence names."""


def several(texts: Sequence[str]) -> str:
    """Return the first texts of many on one line, and how many more there are."""
    more = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {more} more" if more > 0 else "")
