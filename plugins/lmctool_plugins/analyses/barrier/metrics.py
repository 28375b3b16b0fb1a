"""The metrics that ``lmctool barrier`` gives."""

from __future__ import annotations

from dataclasses import replace

from lmctool.api import ERROR, LOSS, DeclaredMetric
from lmctool.api.advanced import DeclaredScores

_SCORES = (
    DeclaredScores("barrier.{}", "barrier of the {}", "height"),
    DeclaredScores("barrier.parts.{}", "barrier of the {} of a part", "height", every=False),
    DeclaredScores("end.{}", "{} of A and of B"),
)
_BOUNDS = tuple(
    replace(
        scores,
        name=f"{scores.name}.{bound}95",
        meaning=f"{bound} 95 % bound of the {scores.meaning}",
        every=False,
    )
    for scores in _SCORES
    for bound in ("lower", "upper")
)
MEANINGS = {
    "mean": "mean barrier of the loss of an example, a sequence weighed by its tokens",
    "median": "median barrier of the loss of an example, each counted once",
    "broken": "share of the examples, each counted once, right at both ends and wrong between",
}
"""What the barriers of single examples sum up to."""
METRICS: tuple[DeclaredMetric | DeclaredScores, ...] = (
    *_SCORES,
    *_BOUNDS,
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
