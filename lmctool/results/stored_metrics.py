"""Which metrics of networks a result has, where they are not the standard loss and error alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.results.provenance import GROUP as PROVENANCE
from lmctool.results.result import Group, Variable
from lmctool.results.score_metric import STANDARD, ScoreMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.result import Better, Result

GROUP = "scores"
NAME = re.compile(r"[\w-]+")
WAYS: dict[str, Better] = {"lower": "lower", "higher": "higher"}
MEANINGS = {
    "metric": "metric of a network on examples",
    "unit": "its unit",
    "label": "its name on an axis",
    "better": "which way it is better",
    "low": "least value that it can have",
    "high": "greatest value that it can have",
    "share": "whether it is a share",
    "percent": "whether it is shown in per cent",
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
        "percent": [metric.percent for metric in metrics],
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
        LmctoolError: the result says so in no form that lmctool writes, or not what its provenance
            says of its run.
    """
    group = result.groups.get(GROUP)
    try:
        metrics = STANDARD if group is None else _told(group)
    except (KeyError, TypeError, ValueError) as cause:
        raise LmctoolError(f"group {GROUP!r} of the result tells no metrics: {cause}") from cause
    named, measured = _asked(result), [metric.name for metric in metrics[2:]]
    if named is not None and named != measured:
        raise LmctoolError(
            f"the result is of a run with scores {', '.join(named) or 'none'}, but holds"
            f" {', '.join(measured) or 'none'}"
        )
    return metrics


def shown_metrics(result: Result) -> tuple[ScoreMetric, ...]:
    """Return these metrics in the order of tables and figures: error, loss, then the others."""
    loss, error, *others = metrics_of(result)
    return error, loss, *others


def _asked(result: Result) -> list[str] | None:
    """Return the scores that a whole result's run was asked for; None where it evaluated none."""
    provenance = result.groups.get(PROVENANCE)
    if provenance is None or "strategy" not in provenance.attributes:
        return None
    scores = provenance.attributes.get("score", [])
    return list(map(str, scores)) if isinstance(scores, list) else [str(scores)]


def _told(group: Group) -> tuple[ScoreMetric, ...]:
    """Return the metrics of a group.

    Raises:
        KeyError: a column is missing.
        TypeError: one is of another kind.
        ValueError: what they say is no metric, or not of loss, error and others.
    """
    columns = [group.variables[name].values for name in MEANINGS]
    if any(column.shape != columns[0].shape or column.ndim != 1 for column in columns):
        raise ValueError("its columns are not of one length")
    metrics = tuple(_metric(*row) for row in zip(*columns, strict=True))
    names = [metric.name for metric in metrics]
    if names[:2] != [metric.name for metric in STANDARD] or len({*names}) < len(names):
        raise ValueError(f"it has {', '.join(names) or 'none'}, not loss, error and others")
    if any(metric.better != "lower" for metric in metrics[:2]):
        raise ValueError("loss and error are better the lower")
    return metrics


def _metric(
    name: str,
    unit: str,
    label: str,
    better: str,
    low: float,
    high: float,
    share: float,
    percent: float,
) -> ScoreMetric:
    """Return one metric; its form follows, for a file may not bring a format."""
    if not NAME.fullmatch(str(name)):
        raise ValueError(f"{name!r} is no name")
    if better not in WAYS:
        raise ValueError(f"{name} is better neither the lower nor the higher")
    least, most = float(low), float(high)
    if not least < most:
        raise ValueError(f"{name} has no value from {low} to {high}")
    form = "{:.2%}" if percent else "{:.4f}"
    return ScoreMetric(
        str(name), str(unit), str(label), form, WAYS[better], least, most, bool(share)
    )
