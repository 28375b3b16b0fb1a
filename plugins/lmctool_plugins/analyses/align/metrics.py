"""The metrics that ``lmctool align`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

METRICS = (
    DeclaredMetric("align.moved", "share of units that moved", low=0, high=1, share=True),
    DeclaredScores("align.{}", "{} of a network"),
)
