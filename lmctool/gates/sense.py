"""Gates that cannot mean what they say, known before anything is measured.

A condition on a metric that the analysis never gives, and one that no value can miss, would be
found out late, or never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmctool.gates.comparison import Declared
    from lmctool.gates.condition import Condition
    from lmctool.gates.gate import Gate
    from lmctool.results.declared_metric import DeclaredMetric


def check_names(
    gates: Iterable[Gate], declared: Declared, analysis: str, brought: Mapping[str, str]
) -> None:
    """Check that a run can give the metrics of gates.

    Args:
        gates: the gates.
        declared: what its plugins declare, by name.
        analysis: its analysis.
        brought: by name what another run can give, and the score that brings it.

    Raises:
        LmctoolError: it cannot.
    """
    for gate in gates:
        name = gate.condition.metric
        if name in brought:
            raise LmctoolError(
                f"{analysis} measures {name!r} where --score names {brought[name]}; give that too"
            )
        if name not in declared:
            raise LmctoolError(
                f"{analysis} has no metric {name!r}; {did_you_mean(name, list(declared))}"
                f"`lmctool metrics --of {analysis}` lists what it has"
            )


def check_limits(gates: Iterable[Gate], declared: Declared) -> None:
    """Check that values can miss the limits of gates, and that a share's limit is one.

    Raises:
        LmctoolError: they cannot, or it is none.
    """
    for gate in gates:
        metric = declared.get(gate.condition.metric)
        if metric is not None:
            _check(gate, metric)


def _check(gate: Gate, metric: DeclaredMetric) -> None:
    condition = gate.condition
    number = condition.number
    beyond = metric.share and metric.high <= 1 < abs(number)
    if not beyond and not _always(condition, metric):
        return
    what = "--baseline with this --tolerance" if gate.kind == "baseline" else gate.kind
    fault = (
        f"{metric.name} is {'a share, ' if metric.share else ''}{metric.range}, so {what}"
        f" '{gate.written or condition}' is decided whatever is measured"
    )
    percent = metric.share and 1 <= abs(number) <= 100
    raise LmctoolError(f"{fault}; did you mean {number:.6g}%?" if percent else fault)


def _always(condition: Condition, metric: DeclaredMetric) -> bool:
    """Tell whether every value that a metric can have fulfils a condition.

    Where the limit depends on a baseline, that may be every value that the metric can have too.
    """
    factor = condition.factor
    ends = (metric.low, metric.high)
    least, most = ((factor * end if factor else 0.0) + condition.number for end in ends)
    match condition.operator:
        case "<=":
            return metric.high <= least
        case "<":
            return metric.high < least
        case ">=":
            return metric.low >= most
        case ">":
            return metric.low > most
        case "!=":
            return most < metric.low or least > metric.high
        case _:
            return False
