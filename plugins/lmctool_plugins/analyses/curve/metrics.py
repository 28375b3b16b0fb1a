"""The metrics that ``lmctool curve`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

METRICS = (
    DeclaredScores("curve.barrier.{}", "barrier of the {} of a path", "height"),
    DeclaredScores("curve.delta.{}", "largest rise of the {} along a path", "height"),
    DeclaredScores("curve.highest.{}", "greatest {} of a path"),
    DeclaredMetric(
        "curve.length", "arc length of a path, as a multiple of the straight distance", low=0
    ),
)
