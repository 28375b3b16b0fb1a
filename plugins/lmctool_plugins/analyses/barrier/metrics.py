"""The metrics that ``lmctool barrier`` gives."""

from __future__ import annotations

from dataclasses import replace

from lmctool.api import ERROR, LOSS
from lmctool.api.advanced import declared_scores

_SCORES = (
    *declared_scores("barrier.{}", "barrier of the {}", "height"),
    *declared_scores("barrier.parts.{}", "barrier of the {} of a part", "height"),
    *declared_scores("end.{}", "{} of A and of B"),
)
_BOUNDS = tuple(
    replace(
        metric,
        name=f"{metric.name}.{bound}95",
        meaning=f"{bound} 95 % bound of the {metric.meaning}",
    )
    for metric in _SCORES
    for bound in ("lower", "upper")
)
MEANINGS = {
    "mean": "mean barrier of the loss of an example, a sequence weighed by its tokens",
    "median": "median barrier of the loss of an example, each counted once",
    "broken": "share of the examples, each counted once, right at both ends and wrong between",
}
"""What the barriers of single examples sum up to."""
METRICS = (
    *_SCORES,
    *_BOUNDS,
    *declared_scores("barrier.baselines.{}", "{} of the ensemble and of balanced ends"),
    *declared_scores("barrier.classes.{}", "{} of a network on a class"),
    LOSS.declared("barrier.examples.mean", MEANINGS["mean"], "height"),
    LOSS.declared("barrier.examples.median", MEANINGS["median"], "height"),
    ERROR.declared("barrier.examples.broken", MEANINGS["broken"]),
)
