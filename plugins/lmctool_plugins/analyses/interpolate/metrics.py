"""The metrics that ``lmctool interpolate`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import declared_scores

METRICS = (
    *declared_scores("interpolate.delta_{}", "largest rise of the {}", "height"),
    *declared_scores("interpolate.highest_{}", "greatest {}"),
    *declared_scores("interpolate.part_delta_{}", "largest rise of a part's {}", "height"),
    *(
        DeclaredMetric(f"interpolate.{place}_{score}", meaning.format(score), low=0, high=1)
        for score in ("loss", "error")
        for place, meaning in (
            ("alpha", "alpha of the greatest {}"),
            ("level", "alpha until which the {} stays at its first level"),
        )
    ),
    DeclaredMetric("interpolate.saved", "alpha of the checkpoint of --save-at", low=0, high=1),
)
