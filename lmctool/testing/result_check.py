"""What must hold of the result of an analysis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmctool.testing.claim import claim, working

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.plugin.records import Analysis
    from lmctool.results.result import Result

SLACK = 1e-6
"""How far rounding may take a metric out of its range, of the bound or of 1."""


def check_result(result: Result, analysis: Analysis, who: str, out: Path) -> None:
    """Check a stored result that was read back.

    Args:
        result: the result.
        analysis: the analysis that it is of.
        who: the analysis, and on what it ran.
        out: the file; the figure lies beside it.

    Raises:
        AssertionError: something does not hold; says what to do.
    """
    _check_table(result, analysis, who)
    _check_metrics(result, analysis, who)
    claim(
        analysis.figure is None or out.with_suffix(".png").is_file(),
        f"{who} drew no figure; Analysis(figure=...) draws into the figure that it gets",
    )
    if analysis.derived is not None:
        from lmctool.results.derived import contradiction

        with working(f"{who}: derived(result)"):
            groups = analysis.derived(result)
        told = contradiction(result, groups)
        claim(not told, f"{who} derives from its result what is not stored there: {told}")


def _check_table(result: Result, analysis: Analysis, who: str) -> None:
    if analysis.table is None:
        return
    with working(f"{who}: its table"):
        table = analysis.table(result)
    for row in table.rows:
        claim(
            len(row) == len(table.columns) and all(isinstance(cell, str) for cell in row),
            f"{who}: the table has row {row!r} under {table.columns!r}; give a text for each",
        )


def _check_metrics(result: Result, analysis: Analysis, who: str) -> None:
    from lmctool.results.metrics import listed
    from lmctool.results.stored_metrics import metrics_of

    found = listed(result)
    claim(
        bool(found) or analysis.metrics == (),
        f"{who} has no metric, so that nothing of it can be listed or required; give a Variable a"
        " metric name",
    )
    declared = analysis.declared(metrics_of(result))
    for metric in found:
        if analysis.metrics is None:
            continue
        claim(
            metric.name in declared,
            f"{who} gives metric {metric.name!r}, which Analysis(metrics=...) does not declare, so"
            " that gates on it are refused",
        )
        known, value = declared[metric.name], metric.value
        claim(
            value is None
            or known.low - SLACK * _size(known.low)
            <= value
            <= known.high + SLACK * _size(known.high),
            f"{who} gives {metric.full_name} = {value}, but declares it {known.range}",
        )
        claim(
            metric.unit == known.unit,
            f"{who} gives metric {metric.name!r} in unit {metric.unit!r}, but declares"
            f" {known.unit!r}",
        )


def _size(bound: float) -> float:
    """Return the size of a bound, at least 1; of none 0."""
    return max(1.0, abs(bound)) if math.isfinite(bound) else 0.0
