"""The metrics that ``lmctool distance`` gives: each measure, of the whole and of its parts."""

from __future__ import annotations

from lmctool.api import DeclaredMetric

LEVELS = ("kind", "block", "layer")
MEANINGS = {
    "l2": "L2 distance, ||A - B||",
    "relative": "relative distance, ||A - B|| / ||A||",
    "symmetric": "symmetric distance, sqrt(||A - B||^2 / (||A|| ||B||))",
    "cosine": "cosine, <A, B> / (||A|| ||B||)",
    "growth": "relative change of the norm, ||B|| / ||A|| - 1",
    "norm_a": "||A||",
    "norm_b": "||B||",
    "norm_origin": "||O||",
    "travelled": "distance travelled, ||E - O|| of end E",
    "travelled_relative": "distance travelled, ||E - O|| / ||O||",
    "travelled_symmetric": "distance travelled, sqrt(||E - O||^2 / (||E|| ||O||))",
    "travelled_cosine": "cosine between A - O and B - O",
}
COSINES = {"cosine", "travelled_cosine"}
LEAST = {"growth": -1.0, **dict.fromkeys(COSINES, -1.0)}
"""The least value of the measures that can be negative."""


def name(level: str, measure: str) -> str:
    """Return the public name of a measure of the parts of a level, or of the whole."""
    return ".".join(filter(None, ["distance", level, measure]))


METRICS = (
    DeclaredMetric(
        "distance.compared",
        "share of a network's parameters that is compared, where some are left out",
        low=0,
        high=1,
        share=True,
    ),
    *(
        DeclaredMetric(
            name(level, measure),
            meaning + (f", of a {level}" if level else ""),
            low=LEAST.get(measure, 0.0),
            high=1.0 if measure in COSINES else float("inf"),
        )
        for level in ("", *LEVELS)
        for measure, meaning in MEANINGS.items()
    ),
)
