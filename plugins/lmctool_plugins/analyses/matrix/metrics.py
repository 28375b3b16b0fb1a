"""The metrics that ``lmctool matrix`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores, declared_bounds

_BARRIER = DeclaredScores(
    "matrix.barrier_{}", "barrier of the {} between two checkpoints", "height"
)
METRICS: tuple[DeclaredMetric | DeclaredScores, ...] = (
    _BARRIER,
    *declared_bounds([_BARRIER]),
    DeclaredScores("matrix.end_{}", "{} of a checkpoint"),
    DeclaredMetric("matrix.l2", "L2 distance, ||A - B||", low=0),
    DeclaredMetric(
        "matrix.symmetric", "symmetric distance, sqrt(||A - B||^2 / (||A|| ||B||))", low=0
    ),
    DeclaredMetric("matrix.clusters", "number of clusters", low=1),
    DeclaredMetric(
        "matrix.connected", "share of pairs that are connected", low=0, high=1, share=True
    ),
)
