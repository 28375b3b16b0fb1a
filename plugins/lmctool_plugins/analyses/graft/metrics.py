"""The metrics that ``lmctool graft`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import declared_scores

METRICS = (
    DeclaredMetric("graft.share", "share of all numbers that was taken", low=0, high=1, share=True),
    *declared_scores("graft.{}", "{} of a network"),
    *declared_scores("graft.part.{}", "{} with one part taken"),
    *declared_scores("graft.rise.{}", "rise of the {} with one part taken", "difference"),
)
