"""The metrics that ``lmctool variance`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric

METRICS = (
    DeclaredMetric("variance.ratio", "variance of a layer over the mean of the ends'", low=0),
    DeclaredMetric("variance.correlation", "correlation of matched units", low=-1, high=1),
)
