"""Gates: conditions that a result is judged by, and what becomes of them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from lmctool.errors import ExitCode, UnjudgedError
from lmctool.gates.comparison import UNDECLARED, Comparison
from lmctool.gates.condition import parse, several

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.gates.baseline import Baseline
    from lmctool.gates.comparison import Declared
    from lmctool.gates.condition import Condition
    from lmctool.results.doubt import Doubt
    from lmctool.results.metrics import Metric

Status = Literal["passed", "failed", "unjudged"]
Severity = Literal["error", "warning"]
Kind = Literal["require", "fail-if", "baseline"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition that a result is judged by.

    Attributes:
        condition: what every selected value has to fulfil.
        name: what it is called.
        reason: why it is there.
        severity: whether a failure fails the run, or is only shown.
        kind: what asks for it; the condition is the opposite of what ``fail-if`` says.
        written: the condition as the user wrote it; empty where nobody did.
    """

    condition: Condition
    name: str = ""
    reason: str = ""
    severity: Severity = "error"
    kind: Kind = "require"
    written: str = ""

    @property
    def title(self) -> str:
        """Its name, or else its condition."""
        return self.name or str(self.condition)

    @property
    def asked(self) -> str:
        """What it asks for, as the user wrote it, or else its condition."""
        before = "fail-if " if self.kind == "fail-if" else ""
        return before + self.written if self.written else str(self.condition)

    @property
    def shown(self) -> str:
        """Its name, or else what it asks for: what people read."""
        return self.name or self.asked


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a gate.

    Attributes:
        gate: the gate.
        status: passed, failed, or unjudged: there was nothing to judge, or no number.
        message: why, in one sentence.
        source: the result it was judged on; empty for the run itself.
        worst: the value that is nearest to failing, or fails by most; None where unjudged.
    """

    gate: Gate
    status: Status
    message: str
    source: str = ""
    worst: Comparison | None = None

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
        return f"{self.message}; {self.gate.reason}" if self.gate.reason else self.message


def written_gate(text: str, *, fails: bool = False) -> Gate:
    """Return the gate that requires a condition, or one that it ``fails``.

    Raises:
        LmctoolError: the text is no condition.
    """
    condition = parse(text)
    if fails:
        return Gate(condition.negated(), kind="fail-if", written=text)
    return Gate(condition, written=text)


def judge(
    gate: Gate,
    metrics: Sequence[Metric],
    source: str = "",
    baseline: Baseline | None = None,
    doubts: Sequence[Doubt] = (),
    declared: Declared = UNDECLARED,
) -> Verdict:
    """Return what becomes of a gate on the metrics of a result.

    Args:
        gate: the gate.
        metrics: the numbers of the result.
        source: where the result is; empty for the run itself.
        baseline: what a condition that names the baseline compares them with.
        doubts: why some of the numbers can carry no verdict.
        declared: what the analysis declares of its metrics, by name.
    """
    condition = gate.condition
    try:
        chosen = _chosen(condition, metrics)
        _refuse_doubtful(chosen, doubts)
        before = _before(condition, chosen, baseline)
    except UnjudgedError as error:
        return Verdict(gate, "unjudged", str(error), source)
    each = [
        Comparison.of(condition, metric, former, declared)
        for metric, former in zip(chosen, before, strict=True)
    ]
    open_ = [text for c, metric in zip(each, chosen, strict=True) if (text := c.unsettled(metric))]
    if open_:
        return Verdict(gate, "unjudged", several(open_), source)
    failing = [comparison for comparison in each if not comparison.holds]
    shown = [comparison.text for comparison in failing or each]
    return Verdict(
        gate,
        "failed" if failing else "passed",
        several(shown),
        source,
        min(failing or each, key=attrgetter("margin")),
    )


def judge_all(
    gates: Iterable[Gate],
    metrics: Sequence[Metric],
    source: str = "",
    baseline: Baseline | None = None,
    doubts: Sequence[Doubt] = (),
    declared: Declared = UNDECLARED,
) -> list[Verdict]:
    """Return what becomes of each gate."""
    return [judge(gate, metrics, source, baseline, doubts, declared) for gate in gates]


def exit_code(verdicts: Iterable[Verdict]) -> ExitCode:
    """Return the exit code of verdicts: 4 beats 3, and warnings never fail."""
    counted = {verdict.status for verdict in verdicts if verdict.gate.severity == "error"}
    if "unjudged" in counted:
        return ExitCode.UNJUDGED
    return ExitCode.GATE if "failed" in counted else ExitCode.DONE


def _chosen(condition: Condition, metrics: Sequence[Metric]) -> list[Metric]:
    """Return the values that a condition selects.

    Raises:
        UnjudgedError: there are none, or one is no number.
    """
    named = [metric for metric in metrics if metric.name == condition.metric]
    if not named:
        raise UnjudgedError(_missing(condition.metric, metrics))
    chosen = [metric for metric in named if condition.selects(metric)]
    if not chosen:
        place = ", ".join(f"{dim}={value}" for dim, value in condition.where.items())
        raise UnjudgedError(f"no value of {condition.metric} is at {place}; {_there(named)}")
    broken = [metric.full_name for metric in chosen if metric.value is None]
    if broken:
        raise UnjudgedError(f"{several(broken)} {'is' if len(broken) == 1 else 'are'} not a number")
    return chosen


def _refuse_doubtful(chosen: Sequence[Metric], doubts: Sequence[Doubt]) -> None:
    """Refuse numbers that a doubt covers.

    Raises:
        UnjudgedError: there is one; names it and the reason.
    """
    for doubt in doubts:
        covered = [metric.full_name for metric in chosen if doubt.covers(metric)]
        if covered:
            raise UnjudgedError(f"{several(covered)} can't be judged: {doubt.reason}")


def _before(
    condition: Condition, chosen: Sequence[Metric], baseline: Baseline | None
) -> Sequence[float | None]:
    """Return what the baseline has in the place of each value; None where none is asked for."""
    if not condition.factor:
        return [None] * len(chosen)
    if baseline is None:
        raise UnjudgedError(
            f"{condition.metric} has no baseline of its analysis to be compared with;"
            " name one with --baseline"
        )
    return baseline.before(condition, chosen)


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
    sentences = [f"{dim} is {', '.join(list(values)[:9])}" for dim, values in places.items()]
    return "; ".join(sentences) or "it has no dims"
