"""The metrics that ``lmctool el2n`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import declared_scores

METRICS = (
    DeclaredMetric("el2n.score", "mean EL2N score of a split by score", low=0, high=2**0.5),
    *declared_scores("el2n.{}", "{} of a network of --pair"),
    *declared_scores("el2n.parts.{}", "{} of a network of --pair on a split by score"),
)
