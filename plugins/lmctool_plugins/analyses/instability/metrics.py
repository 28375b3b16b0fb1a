"""The metrics that ``lmctool instability`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

MEANING = "mean barrier of the {} between siblings"
METRICS: tuple[DeclaredMetric | DeclaredScores, ...] = (
    DeclaredScores("instability.{}", f"instability: {MEANING}", "height"),
    *(
        DeclaredScores(
            f"instability.{{}}.{bound}95", f"{bound} 95 % bound of the {MEANING}", "height"
        )
        for bound in ("lower", "upper")
    ),
    DeclaredScores("instability.pair_{}", "barrier of the {} between two siblings", "height"),
    DeclaredScores("instability.end_{}", "{} of a sibling"),
    DeclaredMetric(
        "instability.stable_from", "first step of a fork from which on all are stable", low=0
    ),
)
