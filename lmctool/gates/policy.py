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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, did_you_mean
from lmctool.files.toml import read_toml
from lmctool.gates.baseline import Tolerance, direction
from lmctool.gates.condition import Condition, parse
from lmctool.gates.gate import Gate, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmctool.gates.baseline import Baseline
    from lmctool.results.metrics import Metric

KEYS = ("name", "require", "fail-if", "reason", "severity", "analysis")
SEVERITIES = ("error", "warning")


@dataclass(frozen=True, slots=True)
class Audited:
    """A stored result, as an audit sees it.

    Attributes:
        source: where it is.
        analysis: what made it.
        metrics: its numbers.
        baseline: the earlier result that it is compared with, if there is one.
    """

    source: str
    analysis: str
    metrics: Sequence[Metric]
    baseline: Baseline | None = None


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
    table = read_toml(path, f"policy '{path}'")
    _refuse_unknown(table, ("gate",), f"policy '{path}'")
    gates = table.get("gate")
    if not isinstance(gates, list) or not gates:
        raise LmctoolError(f"policy '{path}' has no gate; write [[gate]] and what it requires")
    return tuple(
        _rule(entry, f"gate {number} of policy '{path}'") for number, entry in enumerate(gates, 1)
    )


def audit(rules: Sequence[Rule], results: Sequence[Audited]) -> list[Verdict]:
    """Return what becomes of every rule on every result that it judges."""
    return [verdict for rule in rules for verdict in _judged(rule, results)]


def _judged(rule: Rule, results: Sequence[Audited]) -> list[Verdict]:
    there = {result.analysis for result in results}
    first = rule.gate.condition.metric.partition(".")[0]
    analysis = rule.analysis or (first if first in there else "")
    chosen = [result for result in results if analysis in {"", result.analysis}]
    if not chosen:
        told = f"no result of analysis {analysis!r} was given"
        return [Verdict(rule.gate, "unjudged", told)]
    return [judge(rule.gate, result.metrics, result.source, result.baseline) for result in chosen]


def _rule(entry: Any, where: str) -> Rule:
    if not isinstance(entry, dict):
        raise LmctoolError(f"{where} is no table; write [[gate]]")
    _refuse_unknown(entry, KEYS, where)
    for key, value in entry.items():
        if not isinstance(value, str):
            raise LmctoolError(f"{key!r} of {where} is no text; put it in quotes")
    if ("require" in entry) == ("fail-if" in entry):
        raise LmctoolError(f"{where} needs one of 'require' and 'fail-if'")
    severity = entry.get("severity", "error")
    if severity not in SEVERITIES:
        raise LmctoolError(f"severity {severity!r} of {where} is neither 'error' nor 'warning'")
    try:
        condition = parse(entry.get("require") or entry.get("fail-if", ""))
    except LmctoolError as error:
        raise LmctoolError(f"{where}: {error}") from None
    if "fail-if" in entry:
        condition = condition.negated()
    gate = Gate(condition, entry.get("name", ""), entry.get("reason", ""), severity)
    return Rule(gate, entry.get("analysis", ""))


def _refuse_unknown(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            told = f"{did_you_mean(key, known)}there are: {', '.join(known)}"
            raise LmctoolError(f"{where} has an unknown key {key!r}; {told}")


def guards(baseline: Baseline, tolerance: Tolerance) -> tuple[Gate, ...]:
    """Return a gate for each metric whose better direction its name says.

    Raises:
        LmctoolError: the baseline has no such metric.
    """
    names = dict.fromkeys(metric.name for metric in baseline.metrics.values())
    gates = []
    for name in names:
        way = direction(name)
        if way:
            sign = 1 if way == "<=" else -1
            factor, number = round(1 + sign * tolerance.share, 12), sign * tolerance.number
            gates.append(Gate(Condition(name, {}, way, number, factor)))
    if not gates:
        raise LmctoolError(
            f"baseline '{baseline.source}' has no metric whose name says which way is better, such"
            " as a loss or an error; say it with a condition: --require 'METRIC <= baseline'"
        )
    return tuple(gates)
