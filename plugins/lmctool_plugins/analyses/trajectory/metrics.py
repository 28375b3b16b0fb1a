"""The metrics that ``lmctool trajectory`` gives."""

from __future__ import annotations

from lmctool.api.advanced import declared_scores

METRICS = (
    *declared_scores("trajectory.gain.{}", "gain in {} over the runs", "difference"),
    *declared_scores("trajectory.part.gain.{}", "gain in {} on a part", "difference"),
)
