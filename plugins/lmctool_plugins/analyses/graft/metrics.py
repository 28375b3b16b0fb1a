"""The metrics that ``lmctool graft`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

METRICS = (
    DeclaredMetric("graft.share", "share of all numbers that was taken", low=0, high=1, share=True),
    DeclaredScores("graft.{}", "{} of a network"),
    DeclaredScores("graft.part.{}", "{} with one part taken"),
    DeclaredScores("graft.rise.{}", "rise of the {} with one part taken", "difference"),
)
