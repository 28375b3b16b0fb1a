"""The metrics that ``lmctool merge`` gives."""

from __future__ import annotations

from lmctool.api import DeclaredMetric
from lmctool.api.advanced import DeclaredScores

METRICS = (
    DeclaredScores("merge.{}", "{} of a network, or of what is merged"),
    DeclaredMetric(
        "merge.distance", "L2 distance of the parameters to the merged network's", low=0
    ),
    DeclaredMetric("merge.alpha", "alpha that is written, of several --alphas", low=0, high=1),
    DeclaredMetric("merge.temperature", "temperature of the merged network's logits", low=0),
    DeclaredScores("merge.calibrated.{}", "{} of what is merged, with that temperature"),
    DeclaredMetric("merge.spread", "sum of squared distances to the mean, by sweep", low=0),
    DeclaredMetric("merge.displaced", "most units that a cycle of networks moves", low=0),
)
