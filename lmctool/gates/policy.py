"""Policies: the gates that stored results are audited by, in a TOML file.

    [[gate]]
    name = "aligned networks are connected"
    require = "barrier.error[variant=align+repair,split=test] <= 2%"
    reason = "the merge of the release needs it"

A gate has ``require`` or ``fail-if``; ``severity = "warning"`` tells of a failure without failing.
``analysis`` names the results that it judges; without it these are those of the analysis that the
metric's first word names, or all where none is.  A condition that says ``baseline`` compares with
the earlier result of the same analysis that the audit is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from lmctool.errors import LmctoolError
from lmctool.files.record import Record, as_record
from lmctool.files.toml import read_toml
from lmctool.gates.condition import Condition, parse
from lmctool.gates.gate import Gate, Kind, Severity, Verdict, judge
from lmctool.gates.sense import check_limits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lmctool.gates.baseline import Baseline, Tolerance
    from lmctool.gates.comparison import Declared
    from lmctool.results.doubt import Doubt
    from lmctool.results.metrics import Metric


class GateTable(Record, frozen=True):
    """``[[gate]]`` of a policy."""

    name: str = ""
    require: str | None = None
    fail_if: str | None = msgspec.field(name="fail-if", default=None)
    reason: str = ""
    severity: Severity = "error"
    analysis: str = ""


class PolicyTable(Record, frozen=True):
    """What a policy may have."""

    gate: Annotated[list[GateTable], Meta(description="a list of tables; write [[gate]]")] = (
        msgspec.field(default_factory=list)
    )


@dataclass(frozen=True, slots=True)
class Audited:
    """A stored result, as an audit sees it.

    Attributes:
        source: where it is.
        analysis: what made it.
        metrics: its numbers.
        baseline: the earlier result that it is compared with, if there is one.
        doubts: why some of its numbers can carry no verdict.
        declared: what its analysis declares of its metrics, by name.
    """

    source: str
    analysis: str
    metrics: Sequence[Metric]
    baseline: Baseline | None = None
    doubts: Sequence[Doubt] = ()
    declared: Declared = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A gate, and which results it judges.

    Attributes:
        gate: the gate.
        analysis: the analysis of these results; empty to go by the metric's name.
    """

    gate: Gate
    analysis: str = ""


def read_policy(path: Path) -> tuple[Rule, ...]:
    """Return the rules of a file.

    Raises:
        LmctoolError: it can't be read, has no gate, or one that says something else.
    """
    what = f"policy '{path}'"
    entries = as_record(read_toml(path, what), PolicyTable, what).gate
    if not entries:
        raise LmctoolError(f"{what} has no gate; write [[gate]] and what it requires")
    return tuple(
        _rule(entry, f"gate {number} of {what}") for number, entry in enumerate(entries, 1)
    )


def audit(rules: Sequence[Rule], results: Sequence[Audited]) -> list[Verdict]:
    """Return what becomes of every rule on every result that it judges.

    Raises:
        LmctoolError: a rule asks for what no value can miss.
    """
    return [verdict for rule in rules for verdict in _judged(rule, results)]


def _judged(rule: Rule, results: Sequence[Audited]) -> list[Verdict]:
    there = {result.analysis for result in results}
    first = rule.gate.condition.metric.partition(".")[0]
    analysis = rule.analysis or (first if first in there else "")
    chosen = [result for result in results if analysis in {"", result.analysis}]
    if not chosen:
        reason = f"no result of analysis {analysis!r} was given"
        return [Verdict(rule.gate, "unjudged", reason)]
    for result in chosen:
        check_limits([rule.gate], result.declared)
    return [
        judge(
            rule.gate,
            result.metrics,
            result.source,
            result.baseline,
            result.doubts,
            result.declared,
        )
        for result in chosen
    ]


def _rule(entry: GateTable, where: str) -> Rule:
    if (entry.require is None) == (entry.fail_if is None):
        raise LmctoolError(f"{where} needs one of 'require' and 'fail-if'")
    try:
        condition = parse(entry.require or entry.fail_if or "")
    except LmctoolError as error:
        raise LmctoolError(f"{where}: {error}") from None
    kind: Kind = "require"
    if entry.fail_if is not None:
        condition, kind = condition.negated(), "fail-if"
    written = entry.require or entry.fail_if or ""
    gate = Gate(condition, entry.name, entry.reason, entry.severity, kind, written)
    return Rule(gate, entry.analysis)


def guards(baseline: Baseline, tolerance: Tolerance) -> tuple[Gate, ...]:
    """Return a gate for each metric that says which way it is better.

    Raises:
        LmctoolError: the baseline has no such metric.
    """
    ways = {metric.name: metric.better for metric in baseline.metrics.values() if metric.better}
    if not ways:
        raise LmctoolError(
            f"baseline '{baseline.source}' says of no metric which way is better, as results of"
            f" older versions do not; make it anew with `lmctool {baseline.analysis}`, or say it"
            " with a condition: --require 'METRIC <= baseline'"
        )
    gates = []
    for name, better in ways.items():
        sign = 1 if better == "lower" else -1
        factor, number = round(1 + sign * tolerance.share, 12), sign * tolerance.number
        operator = "<=" if better == "lower" else ">="
        gates.append(Gate(Condition(name, {}, operator, number, factor), kind="baseline"))
    return tuple(gates)
