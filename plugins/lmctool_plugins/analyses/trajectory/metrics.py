"""The metrics that ``lmctool trajectory`` gives."""

from __future__ import annotations

from lmctool.api.advanced import DeclaredScores

METRICS = (
    DeclaredScores("trajectory.gain.{}", "gain in {} over the runs", "difference"),
    DeclaredScores("trajectory.part.gain.{}", "gain in {} on a part", "difference", every=False),
)
