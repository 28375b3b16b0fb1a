"""The metrics that ``--method fisher`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric

METRICS = (
    DeclaredMetric("merge.fisher.trace", "trace of the diagonal Fisher information", low=0),
    DeclaredMetric(
        "merge.fisher.floored",
        "share of the parameters whose information is below the floor",
        low=0,
        high=1,
        share=True,
    ),
)
