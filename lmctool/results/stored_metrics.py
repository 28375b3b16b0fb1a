"""Which metrics of networks a result has, where they are not the standard loss and error alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.results.result import Group, Variable
from lmctool.results.score_metric import STANDARD, ScoreMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.result import Better, Result

GROUP = "scores"
MEANINGS = {
    "metric": "metric of a network on examples",
    "unit": "its unit",
    "label": "its name on an axis",
    "better": "which way it is better",
    "low": "least value that it can have",
    "high": "greatest value that it can have",
    "share": "whether it is a share",
}


def metrics_group(metrics: Sequence[ScoreMetric]) -> Group:
    """Return metrics as a group of a result."""
    columns: dict[str, list[Any]] = {
        "metric": [metric.name for metric in metrics],
        "unit": [metric.unit for metric in metrics],
        "label": [metric.label for metric in metrics],
        "better": [metric.better for metric in metrics],
        "low": [metric.low for metric in metrics],
        "high": [metric.high for metric in metrics],
        "share": [metric.share for metric in metrics],
    }
    return Group(
        {
            name: Variable(
                np.array(values, dtype=object if isinstance(values[0], str) else None),
                ("metric",),
                long_name=MEANINGS[name],
            )
            for name, values in columns.items()
        }
    )


def metrics_of(result: Result) -> tuple[ScoreMetric, ...]:
    """Return the metrics of networks that a result has: loss, error, and others behind them.

    Raises:
        LmctoolError: the result says so in no form that lmctool writes.
    """
    group = result.groups.get(GROUP)
    if group is None:
        return STANDARD
    columns = {name: variable.values for name, variable in group.variables.items()}
    try:
        return tuple(
            _metric(*(columns[name][place] for name in MEANINGS))
            for place in range(len(columns["metric"]))
        )
    except (KeyError, IndexError, TypeError, ValueError) as cause:
        raise LmctoolError(f"group {GROUP!r} of the result tells no metrics: {cause}") from cause


def shown_metrics(result: Result) -> tuple[ScoreMetric, ...]:
    """Return these metrics in the order of tables and figures: error, loss, then the others."""
    loss, error, *others = metrics_of(result)
    return error, loss, *others


def _metric(
    name: object, unit: object, label: object, better: object, low: float, high: float, share: bool
) -> ScoreMetric:
    """Return one metric; its form follows, for a file may not bring a format."""
    form = "{:.2%}" if share else "{:.4f}"
    way: Better = "higher" if better == "higher" else "lower"
    return ScoreMetric(
        str(name), str(unit), str(label), form, way, float(low), float(high), bool(share)
    )
