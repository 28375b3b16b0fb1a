"""The metrics that ``lmctool plane`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

EXPLAINED = DeclaredMetric(
    "plane.explained",
    "share of the variance of a run's steps along a component",
    low=0,
    high=1,
    share=True,
)
OUTSIDE = DeclaredMetric("plane.distance", "distance of a run's step from the plane", low=0)
METRICS = (
    DeclaredScores("plane.corner_{}", "{} of a corner"),
    DeclaredScores("plane.lowest_{}", "lowest {} on the grid"),
    DeclaredScores("plane.highest_{}", "highest {} on the grid"),
    DeclaredScores("plane.barrier_{}", "barrier of the {} within the triangle", "height"),
    EXPLAINED,
    OUTSIDE,
)
