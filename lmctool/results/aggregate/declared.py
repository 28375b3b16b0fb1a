"""What an average can give of the metrics that an analysis declares."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from lmctool.results.declared_metric import DeclaredMetric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.results.declared_metric import Quantity


def declared_of(metrics: Mapping[str, DeclaredMetric]) -> dict[str, DeclaredMetric]:
    """Return the metrics of an average by name: those of each result, and what they sum up to.

    Bounds of an interval of the mean may lie where no value can: they have no range.
    """
    return {each.name: each for metric in metrics.values() for each in (metric, *_sums(metric))}


def _sums(metric: DeclaredMetric) -> list[DeclaredMetric]:
    """Return what a metric's numbers sum up to."""

    def sum_of(key: str, meaning: str, low: float, high: float) -> DeclaredMetric:
        name, meaning = f"{metric.name}.{key}", f"{meaning} {metric.meaning}"
        of: Quantity = "difference" if key.startswith("difference") else metric.of
        return replace(metric, name=name, meaning=meaning, low=low, high=high, of=of)

    span = metric.high - metric.low
    p = DeclaredMetric(f"{metric.name}.difference.p", f"p of the {metric.meaning}", low=0, high=1)
    return [
        sum_of("mean", "mean of the", metric.low, metric.high),
        sum_of("std", "standard deviation of the", 0, span),
        sum_of("difference", "mean difference of variants in the", -span, span),
        *(
            sum_of(f"{of}.{side}95", f"{side} 95 % bound of the {of} of the", -math.inf, math.inf)
            for of in ("mean", "difference")
            for side in ("lower", "upper")
        ),
        p,
    ]
