"""The metrics that ``lmctool barrier`` gives."""

from __future__ import annotations

from lmctool.api import ERROR, LOSS, DeclaredMetric
from lmctool.api.advanced import DeclaredScores, declared_bounds

_SCORES = (
    DeclaredScores("barrier.{}", "barrier of the {}", "height"),
    DeclaredScores("barrier.parts.{}", "barrier of the {} of a part", "height", every=False),
    DeclaredScores("end.{}", "{} of A and of B"),
)
MEANINGS = {
    "mean": "mean barrier of the loss of an example, a sequence weighed by its tokens",
    "median": "median barrier of the loss of an example, each counted once",
    "broken": "share of the examples, each counted once, right at both ends and wrong between",
}
"""What the barriers of single examples sum up to."""
METRICS: tuple[DeclaredMetric | DeclaredScores, ...] = (
    *_SCORES,
    *declared_bounds(_SCORES),
    DeclaredScores("end.float32.{}", "{} of A and of B in float32"),
    DeclaredScores(
        "barrier.precision.{}",
        "barrier of the {} on a sample less that in float32",
        "difference",
    ),
    DeclaredScores("barrier.baselines.{}", "{} of the ensemble and of balanced ends", every=False),
    DeclaredScores("barrier.classes.{}", "{} of a network on a class", every=False),
    LOSS.declared("barrier.examples.mean", MEANINGS["mean"], "height"),
    LOSS.declared("barrier.examples.median", MEANINGS["median"], "height"),
    ERROR.declared("barrier.examples.broken", MEANINGS["broken"]),
)
