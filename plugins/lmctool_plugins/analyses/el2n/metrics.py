"""The metrics that ``lmctool el2n`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

METRICS = (
    DeclaredMetric("el2n.score", "mean EL2N score of a split by score", low=0, high=2**0.5),
    DeclaredScores("el2n.{}", "{} of a network of --pair"),
    DeclaredScores("el2n.parts.{}", "{} of a network of --pair on a split by score", every=False),
)
