"""The metrics that ``--method greedy-soup`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric

METRICS = (
    DeclaredMetric("merge.included", "whether a network is in the soup", low=0, high=1),
    DeclaredMetric("merge.soup", "networks in the soup", low=1),
)
