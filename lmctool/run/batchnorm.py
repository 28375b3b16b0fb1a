"""What happens to the running statistics of BatchNorms on a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from lmctool.statistics import Goal
from lmctool.weights.arithmetic import lerp

if TYPE_CHECKING:
    from lmctool.run.run import Run

Weights = Mapping[str, Tensor]


def between(run: Run, a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
    """Return (1 - alpha) a + alpha b, with the running statistics that the run's policy says."""
    weights = lerp(a, b, alpha)
    policy = run.settings.batchnorm
    if policy == "interpolate":
        return weights
    if policy == "reset":
        return reset(run, weights)
    given = a if policy == "a" else b
    norms = [target.batchnorm for target in run.batchnorms() if target.batchnorm]
    return weights | {name: given[name] for norm in norms for name in (norm.mean, norm.variance)}


def reset(run: Run, weights: Weights) -> dict[str, Tensor]:
    """Return weights whose BatchNorms hold the statistics of the calibration examples.

    While they are taken each BatchNorm normalises by the batch, as in training mode: its input
    is renormalised to its own running statistics, so that it gives what that mode gives.
    """
    norms = {target.tap: target.batchnorm for target in run.batchnorms() if target.batchnorm}
    goals = {}
    for tap, norm in norms.items():
        std = (weights[norm.variance].double() + norm.epsilon).sqrt()
        goals[tap] = Goal(1, weights[norm.mean].double(), std, norm.epsilon)
    found = dict(weights)
    for tap, moments in run.renormalised(weights, goals).items() if goals else ():
        found[norms[tap].mean] = moments.mean.to(run.dtype)
        found[norms[tap].variance] = moments.variance.to(run.dtype)
    return found
