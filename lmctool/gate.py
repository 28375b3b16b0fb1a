"""Gates: what a result's metrics have to be, in words that a user types.

    METRIC[DIM=VALUE,...] OP NUMBER[%]

such as ``barrier.error[variant=align+repair,split=test] <= 2%``.  A selection that leaves dims open
takes every value along them, and each of them has to fulfil the condition.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lmctool.errors import ExitCode, LmctoolError
from lmctool.report.text import number
from lmctool.results.metrics import full_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lmctool.results.metrics import Metric

Status = Literal["passed", "failed", "unjudged"]
Severity = Literal["error", "warning"]

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
SHOWN = 3
"""Values that a sentence names."""

_WORD = r"[A-Za-z_][\w.-]*"
_VALUE = r'"[^"]*"|[^",\]\s][^",\]]*'
_EXPRESSION = re.compile(
    rf"\s*(?P<metric>{_WORD})\s*(?:\[(?P<where>[^\"\]]*(?:\"[^\"]*\"[^\"\]]*)*)\])?\s*"
    r"(?P<operator><=|>=|==|!=|<|>)\s*"
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<percent>%?)\s*"
)
_ENTRY = re.compile(rf"\s*(?P<dim>[A-Za-z_]\w*)\s*=\s*(?P<value>{_VALUE})\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Condition:
    """What the values of a metric have to be.

    Attributes:
        metric: the name.
        where: the coordinate that each named dim has; other dims take every coordinate.
        operator: a key of ``OPERATORS``.
        number: what values are compared with.
    """

    metric: str
    where: Mapping[str, str]
    operator: str
    number: float

    def __str__(self) -> str:
        """Return the expression that says it."""
        limit = repr(self.number).removesuffix(".0")
        return f"{full_name(self.metric, self.where)} {self.operator} {limit}"

    def holds(self, value: float) -> bool:
        """Tell whether a value fulfils it."""
        return OPERATORS[self.operator](value, self.number)

    def negated(self) -> Condition:
        """Return the condition that holds where this one does not."""
        return replace(self, operator=OPPOSITE[self.operator])


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition that a result is judged by.

    Attributes:
        condition: what every selected value has to fulfil.
        name: what it is called.
        reason: why it is there.
        severity: whether a failure fails the run, or is only told.
    """

    condition: Condition
    name: str = ""
    reason: str = ""
    severity: Severity = "error"

    @property
    def title(self) -> str:
        """Its name, or else its condition."""
        return self.name or str(self.condition)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a gate.

    Attributes:
        gate: the gate.
        status: passed, failed, or unjudged: there was nothing to judge, or no number.
        told: why, in one sentence.
        source: the result it was judged on; empty for the run itself.
    """

    gate: Gate
    status: Status
    told: str
    source: str = ""

    @property
    def mild(self) -> bool:
        """Whether it did not pass, and only warns."""
        return self.status != "passed" and self.gate.severity == "warning"

    @property
    def word(self) -> str:
        """Its status, with what a warning is."""
        return f"{self.status} (warning)" if self.mild else self.status

    @property
    def sentence(self) -> str:
        """Why it came to be, and why the gate is there."""
        return f"{self.told}; {self.gate.reason}" if self.gate.reason else self.told


def parse(text: str) -> Condition:
    """Return the condition that an expression says.

    Raises:
        LmctoolError: it is none.
    """
    if len(text) > LONGEST:
        raise LmctoolError(f"a condition of {len(text)} characters is too long; {LONGEST} at most")
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        raise LmctoolError(
            f"{text!r} is no condition; write METRIC[DIM=VALUE,...] OP NUMBER, such as"
            " 'barrier.error[variant=align+repair] <= 2%', with OP one of <= < >= > == !="
        )
    limit = float(found["number"])
    if not math.isfinite(limit):
        raise LmctoolError(f"{found['number']!r} in {text!r} is too large a number")
    where = _selection(found["where"] or "", text)
    limit = limit / 100 if found["percent"] else limit
    return Condition(found["metric"], where, found["operator"], limit)


def judge(gate: Gate, metrics: Sequence[Metric], source: str = "") -> Verdict:
    """Return what becomes of a gate on the metrics of a result."""
    condition = gate.condition
    named = [metric for metric in metrics if metric.name == condition.metric]
    if not named:
        return Verdict(gate, "unjudged", _missing(condition.metric, metrics), source)
    chosen = [metric for metric in named if _fits(metric, condition.where)]
    if not chosen:
        told = f"no value of {condition.metric} is at {_told(condition.where)}; {_there(named)}"
        return Verdict(gate, "unjudged", told, source)
    broken = [metric for metric in chosen if metric.value is None]
    if broken:
        names = _several([metric.full_name for metric in broken])
        told = f"{names} {'is' if len(broken) == 1 else 'are'} not a number"
        return Verdict(gate, "unjudged", told, source)
    failing = [m for m in chosen if m.value is not None and not condition.holds(m.value)]
    told = _several([f"{each.full_name} = {number(each.value)}" for each in failing or chosen])
    return Verdict(gate, "failed" if failing else "passed", told, source)


def judge_all(gates: Iterable[Gate], metrics: Sequence[Metric], source: str = "") -> list[Verdict]:
    """Return what becomes of each gate."""
    return [judge(gate, metrics, source) for gate in gates]


def exit_code(verdicts: Iterable[Verdict]) -> ExitCode:
    """Return the exit code of verdicts: 4 beats 3, and warnings never fail."""
    counted = {verdict.status for verdict in verdicts if verdict.gate.severity == "error"}
    if "unjudged" in counted:
        return ExitCode.UNJUDGED
    return ExitCode.GATE if "failed" in counted else ExitCode.DONE


def _selection(text: str, expression: str) -> dict[str, str]:
    """Return the coordinates that an expression names."""
    found: dict[str, str] = {}
    place = 0
    while text[place:].strip():
        entry = _ENTRY.match(text, place)
        if entry is None:
            raise LmctoolError(
                f"{text[place:].strip()!r} in {expression!r} is no selection; write"
                " DIM=VALUE, with quotes around a value that has a comma or a bracket in it"
            )
        dim, value = entry["dim"], entry["value"]
        if dim in found:
            raise LmctoolError(f"{expression!r} names {dim!r} twice")
        found[dim] = value[1:-1] if value.startswith('"') else value.rstrip()
        place = entry.end()
    return found


def _fits(metric: Metric, where: Mapping[str, str]) -> bool:
    return all(metric.where.get(dim) == value for dim, value in where.items())


def _missing(name: str, metrics: Sequence[Metric]) -> str:
    known = list(dict.fromkeys(metric.name for metric in metrics))
    if not known:
        return f"no metric {name}: nothing was measured"
    close = difflib.get_close_matches(name, known, n=1)
    near = f"; did you mean {close[0]}?" if close else "."
    return f"no metric {name}{near} There are: {', '.join(known)}"


def _there(named: Sequence[Metric]) -> str:
    """Return in words at which coordinates a metric is."""
    places: dict[str, dict[str, None]] = {}
    for metric in named:
        for dim, value in metric.where.items():
            places.setdefault(dim, {})[value] = None
    told = [f"{dim} is {', '.join(list(values)[:9])}" for dim, values in places.items()]
    return "; ".join(told) or "it has no dims"


def _told(where: Mapping[str, str]) -> str:
    return ", ".join(f"{dim}={value}" for dim, value in where.items())


def _several(told: Sequence[str]) -> str:
    more = len(told) - SHOWN
    return ", ".join(told[:SHOWN]) + (f" and {more} more" if more > 0 else "")
