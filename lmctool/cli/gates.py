"""The gates that results are judged by: of conditions, a policy and baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.gates.sense import check_names
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, MERGES, SCORES
from lmctool.plugin.named_scores import named_scores
from lmctool.results.aggregate.declared import declared_of
from lmctool.results.score_metric import STANDARD, DeclaredScores, declared_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lmctool.gates.baseline import Baseline, Tolerance
    from lmctool.gates.condition import Condition
    from lmctool.gates.gate import Gate, Verdict
    from lmctool.gates.policy import Audited, Rule
    from lmctool.plugin.records import Analysis
    from lmctool.results.result import Result
    from lmctool.results.score_metric import Declaration, ScoreMetric


def gates_of_run(
    name: str, analysis: Analysis, values: Mapping[str, Any]
) -> tuple[tuple[Gate, ...], Baseline | None]:
    """Return the gates of a run and its baseline; their limits are checked once its task is known.

    Args:
        name: the analysis.
        analysis: its record.
        values: the parsed values of its options.

    Raises:
        LmctoolError: the baseline cannot be read, the options don't fit together, or a gate is on
            what the run cannot give.
        UnjudgedError: the baseline is of another analysis.
    """
    from lmctool.results.aggregate.eligible import AGGREGATE

    gates = (*values["require"], *values["fail_if"])
    _check_names(gates, name, analysis, values)
    path = values["baseline"]
    baselines = _read_baselines(() if path is None else (path,))
    repeated = values.get("draws", 1) > 1
    made = AGGREGATE if repeated else name
    for baseline in baselines.values():
        if baseline.analysis != made:
            average = ", which gives an average," if repeated else ""
            raise UnjudgedError(
                f"baseline '{path}' is of analysis {baseline.analysis!r}, so {name}{average} cannot"
                " be compared with it"
            )
    rules = _baseline_rules(baselines, [gate.condition for gate in gates], values["tolerance"])
    return (*gates, *(rule.gate for rule in rules)), baselines.get(made)


def _check_names(
    gates: Sequence[Gate], name: str, analysis: Analysis, values: Mapping[str, Any]
) -> None:
    """Check that a run can give the metrics of gates, where its plugins say what they give."""
    scores = values.get("score", ())
    declared: list[Sequence[Declaration] | None] = [analysis.metrics]
    if (aligner := values.get("aligner")) is not None:
        declared.append(registry.load(ALIGNERS, aligner).metrics)
    if (merge := values.get("merge")) is not None:
        declared.append(registry.load(MERGES, merge).metrics)
    own = [each for each in declared if each is not None]
    if analysis.metrics is None or len(own) < len(declared):
        return
    known = declared_by([metric for each in own for metric in each], metrics_with(scores))
    if values.get("draws", 1) > 1:
        known = declared_of(known)
    others = [word for word in registry.names(SCORES) if word not in scores]
    check_names(gates, known, name, _brought(analysis.metrics, others))


def _brought(declarations: Sequence[Declaration], scores: Sequence[str]) -> dict[str, str]:
    """Return by name the metrics that a run would have with a score that it is not asked for."""
    return {
        each.name.format(score): score
        for each in declarations
        if isinstance(each, DeclaredScores) and each.every
        for score in scores
    }


def metrics_with(scores: Iterable[str]) -> tuple[ScoreMetric, ...]:
    """Return loss and error, and the metrics of the scores of some words.

    Raises:
        PluginError: a score is not installed, or cannot be used.
    """
    return (*STANDARD, *(score.metric for score in named_scores(scores)))


def audit_results(
    results: Mapping[Path, Result],
    policy: Path | None,
    baselines: Sequence[Path],
    tolerance: Tolerance | None,
) -> list[Verdict]:
    """Return the verdict of every gate on every result.

    Raises:
        LmctoolError: the policy or a baseline cannot be read, or the options don't fit together.
    """
    from lmctool.gates.policy import audit, read_policy

    rules = list(read_policy(policy)) if policy is not None else []
    earlier = _read_baselines(baselines)
    rules += _baseline_rules(earlier, [rule.gate.condition for rule in rules], tolerance)
    return audit(rules, [_audited(result, str(path), earlier) for path, result in results.items()])


def judge_result(
    result: Result,
    gates: Sequence[Gate],
    baseline: Baseline | None,
    tolerance: Tolerance | None,
) -> list[Verdict]:
    """Return the verdict of each gate on one result, and whether it is worse than a baseline.

    Raises:
        LmctoolError: they don't fit together, or a gate decides nothing.
    """
    from lmctool.gates.policy import Rule, audit

    earlier = {} if baseline is None else {baseline.analysis: baseline}
    rules = [Rule(gate) for gate in gates]
    rules += _baseline_rules(earlier, [gate.condition for gate in gates], tolerance)
    return audit(rules, [_audited(result, "", earlier)])


def _audited(result: Result, source: str, earlier: Mapping[str, Baseline]) -> Audited:
    from lmctool.gates.policy import Audited
    from lmctool.report.notation import declared
    from lmctool.results.doubt import doubts_of
    from lmctool.results.metrics import listed

    baseline = earlier.get(result.analysis)
    beside = baseline.beside(result) if baseline else None
    numbers, doubts, known = listed(result), doubts_of(result), declared(result)
    return Audited(source, result.analysis, numbers, beside, doubts, known)


def _read_baselines(paths: Iterable[Path]) -> dict[str, Baseline]:
    """Return the baselines by their analysis.

    Raises:
        LmctoolError: one cannot be read, or two are of one analysis.
    """
    from lmctool.cli.stored_result import read_sound
    from lmctool.gates.baseline import baseline_of

    baselines: dict[str, Baseline] = {}
    for path in paths:
        baseline = baseline_of(read_sound(path), path)
        other = baselines.setdefault(baseline.analysis, baseline)
        if other is not baseline:
            raise LmctoolError(
                f"baselines '{other.source}' and '{path}' are both of analysis"
                f" {baseline.analysis!r}; give one of them"
            )
    return baselines


def _baseline_rules(
    baselines: Mapping[str, Baseline],
    conditions: Sequence[Condition],
    tolerance: Tolerance | None,
) -> list[Rule]:
    """Return the rules that no metric is worse than in a baseline, unless a condition names it.

    Args:
        baselines: the baselines by their analysis.
        conditions: what the user requires beside them.
        tolerance: how much worse a value may be, if the user chose so.

    Raises:
        LmctoolError: a condition or a tolerance has no baseline, or the tolerance no use.
    """
    from lmctool.gates.baseline import Tolerance
    from lmctool.gates.policy import Rule, guards

    comparing = next((str(each) for each in conditions if each.factor), None)
    if not baselines and comparing is not None:
        raise LmctoolError(
            f"'{comparing}' needs a baseline; name an earlier result with --baseline"
        )
    if not baselines and tolerance is not None:
        raise LmctoolError("--tolerance needs a baseline; name an earlier result with --baseline")
    if comparing is not None and tolerance is not None:
        raise LmctoolError(
            f"--tolerance has no effect on '{comparing}'; write it there, as in 'baseline + 0.5%'"
        )
    return [
        Rule(gate, baseline.analysis)
        for baseline in (() if comparing is not None else baselines.values())
        for gate in guards(baseline, tolerance or Tolerance())
    ]
