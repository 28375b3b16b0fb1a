"""The curvature of networks as groups of a result, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable, metrics_of
from lmctool_plugins.analyses.sharpness.density import PLACES, WIDTH, places, smoothed
from lmctool_plugins.analyses.sharpness.metrics import EIGENVALUE, LOWEST, TRACE
from lmctool_plugins.analyses.sharpness.networks import texts
from lmctool_plugins.analyses.sharpness.trace import estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.api import Array, Result, ScoreMetric

CURVATURE, SCORES = "sharpness/curvature", "sharpness/scores"
SAMPLES, QUADRATURE, DENSITY = "sharpness/samples", "sharpness/quadrature", "sharpness/density"
WHOLE = "all"
"""The part that is the whole network."""
DEFINITIONS = {
    "eigenvalues": "of the Hessian of the mean loss of the examples by the parameters of the part",
    "residuals": "|H x - eigenvalue x| of its vector x of norm 1, which bounds its error",
    "rises": "from the network to the highest loss that the ascent finds in the ball",
}


@dataclass(frozen=True, slots=True, eq=False)
class Curvatures:
    """What was taken of every network.

    Attributes:
        networks: the coordinates of the networks: ``network``, or ``variant`` and ``alpha``.
        splits: the names of the splits.
        parts: the names of the parts, that of the whole network first.
        sizes: (part,) how many parameters each has.
        taken: arrays by name, each over (*networks, split, part) and more.
    """

    networks: Mapping[str, Variable]
    splits: Sequence[str]
    parts: Sequence[str]
    sizes: Array
    taken: Mapping[str, Array]

    @property
    def dims(self) -> tuple[str, ...]:
        """The dims of all that is taken."""
        return (*self.networks, "split", "part")

    def coordinates(self, *last: str) -> dict[str, Variable]:
        """Return the coordinates of the networks, and of split and part as they are asked for."""
        names = {"split": self.splits, "part": self.parts}
        return {**self.networks, **{dim: texts(dim, names[dim]) for dim in last}}

    def places(self) -> Iterator[tuple[tuple[int, ...], dict[str, str]]]:
        """Yield every place, and the coordinates of it as texts."""
        own = self.coordinates("split", "part")
        named = [[str(value).removesuffix(".0") for value in own[dim].values] for dim in self.dims]
        for place in product(*(range(len(names)) for names in named)):
            both = zip(self.dims, named, place, strict=True)
            yield place, {dim: names[index] for dim, names, index in both}


def unconverged(found: Curvatures, tolerance: float) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield why eigenvalues are to be doubted, those of which the residual is not small, and where.

    The lowest of them is none then, and its place is not among those.
    """
    for place, where in found.places():
        radius, steps = float(found.taken["radius"][place]), int(found.taken["steps"][place])
        own, lowest = (found.taken[name][place] for name in ("residual", "lowest_residual"))
        worst = float(np.nanmax([*own, lowest])) if np.isfinite(radius) else 0.0
        if worst > tolerance * radius:
            ranks = np.flatnonzero(own > tolerance * radius) + 1
            named = ", ".join(f"{dim} {name}" for dim, name in where.items())
            yield (
                f"{named}: after {steps} Lanczos steps the residual of an eigenvalue is"
                f" {worst / radius:.1g} of the largest, not {tolerance:g}; raise --lanczos or"
                " --eigenvalue-tolerance",
                [{**where, "rank": str(rank)} for rank in ranks],
            )


def groups(
    found: Curvatures, metrics: Sequence[ScoreMetric], attributes: Mapping[str, str | float]
) -> dict[str, Group]:
    """Return the groups of all that was taken, and of what follows from it."""
    dims, taken = found.dims, found.taken
    coordinates = found.coordinates("split", "part")
    rank = np.arange(1, taken["eigenvalue"].shape[-1] + 1)
    probe = np.arange(1, taken["sample"].shape[-1] + 1)
    own = {
        **coordinates,
        "rank": Variable(rank, ("rank",), long_name="rank from the largest"),
        "size": Variable(found.sizes, ("part",), long_name="parameters"),
        "eigenvalue": Variable(
            taken["eigenvalue"], (*dims, "rank"), "1", "eigenvalue", EIGENVALUE.name, "lower"
        ),
        "residual": Variable(taken["residual"], (*dims, "rank"), "1", "residual"),
        "lowest": Variable(taken["lowest"], dims, "1", LOWEST.meaning, LOWEST.name),
        "lowest_residual": Variable(taken["lowest_residual"], dims, "1", "residual of the lowest"),
        "steps": Variable(taken["steps"], dims, "1", "Lanczos steps"),
        **_traces(taken["sample"], dims),
    }
    for place, metric in enumerate(metrics[:2]):
        name = metric.name
        here, there = (taken[key][..., place] for key in ("here", "there"))
        own |= {
            f"{name}_here": metric.variable(here, dims, f"{name} of the examples"),
            f"{name}_there": metric.variable(there, dims, f"{name} in the ball"),
        }
        own |= _rise(metric, here, there, dims)
    stored = {
        CURVATURE: Group(own, {**attributes, **DEFINITIONS}),
        SAMPLES: Group(
            {
                **coordinates,
                "probe": Variable(probe, ("probe",), long_name="random vector"),
                "sample": Variable(taken["sample"], (*dims, "probe"), "1", "v'Hv"),
            }
        ),
    }
    count, steps = taken["node"].shape[-2:]
    if not count:
        return stored
    quadrature = {
        **coordinates,
        "start": Variable(np.arange(1, count + 1), ("start",), long_name="random vector"),
        "step": Variable(np.arange(1, steps + 1), ("step",), long_name="node"),
    }
    for name, meaning in (("node", "Ritz value"), ("weight", "weight of the Ritz value")):
        quadrature[name] = Variable(taken[name], (*dims, "start", "step"), "1", meaning)
    return {**stored, QUADRATURE: Group(quadrature), DENSITY: _density(quadrature, dims)}


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the samples, scores and quadratures of a stored result."""
    own, samples = result.groups[CURVATURE].variables, result.groups[SAMPLES].variables
    dims = own["lowest"].dims
    follows = _traces(samples["sample"].values, dims)
    for metric in metrics_of(result)[:2]:
        here, there = (own[f"{metric.name}_{key}"].values for key in ("here", "there"))
        follows |= _rise(metric, here, there, dims)
    found = {CURVATURE: Group(follows)}
    if QUADRATURE in result.groups:
        found[DENSITY] = _density(result.groups[QUADRATURE].variables, dims)
    return found


def _traces(samples: Array, dims: tuple[str, ...]) -> dict[str, Variable]:
    """Return the trace, its standard error, and how many samples they are of."""
    both = np.apply_along_axis(estimate, -1, samples)
    counts = (~np.isnan(samples)).sum(axis=-1)
    return {
        "trace": Variable(both[..., 0], dims, "1", TRACE.meaning, TRACE.name, "lower"),
        "trace_error": Variable(both[..., 1], dims, "1", "standard error of the trace"),
        "trace_probes": Variable(counts, dims, "1", "random vectors of the trace"),
    }


def _rise(
    metric: ScoreMetric, here: Array, there: Array, dims: tuple[str, ...]
) -> dict[str, Variable]:
    """Return how far a metric rises in the ball."""
    name = metric.name
    rise = metric.as_cost(there) - metric.as_cost(here)
    meaning, public = f"{metric.worsening} of the {name} in the ball", f"sharpness.rise.{name}"
    variable = metric.variable(rise, dims, meaning, public, of="difference", comparable=False)
    return {f"rise_{name}": variable}


def _density(quadrature: Mapping[str, Variable], dims: tuple[str, ...]) -> Group:
    """Return the smoothed density of every quadrature."""
    nodes, weights = (quadrature[name].values for name in ("node", "weight"))
    over = nodes.shape[:-2]
    at, density = (np.full((*over, PLACES), np.nan) for _ in range(2))
    sigma = np.full(over, np.nan)
    for place in np.ndindex(over):
        at[place], sigma[place] = places(nodes[place])
        density[place] = smoothed(nodes[place], weights[place], at[place], float(sigma[place]))
    return Group(
        {
            **{dim: quadrature[dim] for dim in dims},
            "place": Variable(np.arange(PLACES), ("place",), long_name="place"),
            "at": Variable(at, (*dims, "place"), "1", "eigenvalue"),
            "density": Variable(density, (*dims, "place"), "1", "density of eigenvalues"),
            "sigma": Variable(sigma, dims, "1", "standard deviation of the Gaussian"),
        },
        {"width": WIDTH},
    )
