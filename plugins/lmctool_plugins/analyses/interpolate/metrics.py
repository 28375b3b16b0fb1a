"""The metrics that ``lmctool interpolate`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

METRICS = (
    DeclaredScores("interpolate.delta_{}", "largest rise of the {}", "height"),
    DeclaredScores("interpolate.highest_{}", "greatest {}"),
    DeclaredScores(
        "interpolate.part_delta_{}", "largest rise of a part's {}", "height", every=False
    ),
    DeclaredScores("interpolate.alpha_{}", "alpha of the greatest {}", low=0, high=1),
    DeclaredScores(
        "interpolate.level_{}", "alpha until which the {} stays at its first level", low=0, high=1
    ),
    DeclaredMetric("interpolate.saved", "alpha of the checkpoint of --save-at", low=0, high=1),
)
