"""What follows from the scores of a graft result: how much worse each part makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Group, metrics_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Array, Result, ScoreMetric, Variable

ROBUSTNESS, SCORES = "graft/robustness", "graft/scores"


def rises(
    parts: Mapping[str, Variable], metrics: Sequence[ScoreMetric], base: Mapping[str, Array]
) -> dict[str, Variable]:
    """Return how far metrics rise over the checkpoint's own, or fall where higher is better.

    Args:
        parts: each metric with each part alone taken, (part, split).
        metrics: the metrics.
        base: each metric of the checkpoint by name, (split,).

    Raises:
        ValueError: these are not the same splits.
    """
    for name, values in base.items():
        if parts[name].values.shape[1:] != values.shape:
            raise ValueError(f"{name} is that of {len(values)} splits")
    return {
        f"rise_{metric.name}": metric.variable(
            metric.as_cost(parts[metric.name].values) - metric.as_cost(base[metric.name]),
            ("part", "split"),
            f"{metric.worsening} of the {metric.name}",
            f"graft.rise.{metric.name}",
            comparable=False,
        )
        for metric in metrics
    }


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the scores that a result holds."""
    if ROBUSTNESS not in result.groups:
        return {}
    metrics, scores = metrics_of(result), result.groups[SCORES].variables
    base = {metric.name: scores[metric.name].values[0] for metric in metrics}
    return {ROBUSTNESS: Group(rises(result.groups[ROBUSTNESS].variables, metrics, base))}
