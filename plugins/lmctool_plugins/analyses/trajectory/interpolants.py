"""The networks between the runs at one step: on the path between two, or the mean of more."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from lmctool.api import lerp
from lmctool_plugins.analyses.trajectory.kernel import average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.api import Run, Weights


def interpolant_names(run: Run, alphas: Sequence[float]) -> tuple[str, ...]:
    """Return what the interpolants are called: their variant, and alpha where there are several."""
    names = run.variant_names
    if len(alphas) == 1:
        return names
    return tuple(f"{name} {alpha:g}" for name in names for alpha in alphas)


def interpolants(run: Run, indices: Sequence[int], alphas: Sequence[float]) -> list[Weights]:
    """Return the interpolants of checkpoints, as ``interpolant_names`` says their names."""
    if len(indices) == 2:
        variants = run.variants(*indices)
        return [variant.at(alpha) for variant in variants for alpha in alphas]
    resets = run.settings.batchnorm == "reset"
    between = lerp if resets else run.batchnorm.mix
    first = run.weights(indices[0])
    means: list[Weights] = [average(map(run.weights, indices), between)]
    if run.settings.aligns:
        others = map(run.weights, indices[1:])
        aligned = (run.align(first, other).apply(run.frame(other)) for other in others)
        means.append(average(chain([run.frame(first)], aligned), between))
    return [run.batchnorm.reset(weights) for weights in means] if resets else means
