"""The metrics that ``lmctool sharpness`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

EIGENVALUE = DeclaredMetric("sharpness.eigenvalue", "eigenvalue of the Hessian, the largest first")
LOWEST = DeclaredMetric("sharpness.lowest", "lowest eigenvalue of the Hessian")
TRACE = DeclaredMetric("sharpness.trace", "trace of the Hessian")
METRICS = (
    EIGENVALUE,
    LOWEST,
    TRACE,
    DeclaredScores("sharpness.rise.{}", "rise of the {} in the ball", "difference", every=False),
    DeclaredScores("sharpness.{}", "{} of a network"),
)
