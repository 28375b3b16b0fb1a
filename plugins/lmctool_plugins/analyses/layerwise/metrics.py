"""The metrics that ``lmctool layerwise`` gives, of each part and of the full path."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import declared_scores

_WHOSE = {"": "a part's", "full_": "the full path's"}
METRICS = (
    *(
        metric
        for key, whose in _WHOSE.items()
        for metric in (
            *declared_scores(f"layerwise.{key}barrier_{{}}", f"barrier of {whose} {{}}", "height"),
            *declared_scores(
                f"layerwise.{key}delta_{{}}",
                f"largest rise of {whose} {{}} from an earlier point",
                "height",
            ),
            *(
                DeclaredMetric(
                    f"layerwise.{key}alpha_{score}",
                    f"alpha of {whose} {score} barrier",
                    low=0,
                    high=1,
                )
                for score in ("loss", "error")
            ),
        )
    ),
    *declared_scores("layerwise.other_{}", "{} with the part in the other state"),
    *(
        DeclaredMetric(
            f"layerwise.share_{score}",
            f"share of the full path's {score} barrier that a part explains",
            low=-1,
            high=1,
        )
        for score in ("loss", "error")
    ),
)
