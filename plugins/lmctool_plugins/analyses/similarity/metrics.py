"""The metrics that ``lmctool similarity`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric

METRICS = (
    DeclaredMetric("similarity.cka", "linear CKA of two networks at a layer", low=-1, high=1),
    DeclaredMetric("similarity.correlation", "mean correlation of matched units", low=-1, high=1),
    DeclaredMetric(
        "similarity.procrustes", "orthogonal Procrustes distance at a layer", low=0, high=2
    ),
    DeclaredMetric("similarity.lowest_cka", "lowest linear CKA of all layers", low=-1, high=1),
    DeclaredMetric("similarity.last_cka", "linear CKA of the last layer", low=-1, high=1),
)
