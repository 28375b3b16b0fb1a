"""The networks that are measured: checkpoints, or those on the path between two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError, Variable, grid
from lmctool.api.advanced import letters

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, Run, ScoreMetric, Weights


@dataclass(frozen=True, slots=True)
class Point:
    """One network.

    Attributes:
        name: what it is called.
        key: the same for networks that are one.
        weights: returns it.
    """

    name: str
    key: Hashable
    weights: Callable[[], Weights]


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """Networks in the order of some dims.

    Attributes:
        coordinates: the dims, each with its names or numbers.
        points: the networks, those of the last dim one after the other.
        scores: each metric by name, (*dims, split).
    """

    coordinates: Mapping[str, Variable]
    points: Sequence[Point]
    scores: Mapping[str, Array]

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dim."""
        return tuple(len(each.values) for each in self.coordinates.values())

    @property
    def distinct(self) -> dict[Hashable, Point]:
        """The networks, each once."""
        found: dict[Hashable, Point] = {}
        for point in self.points:
            found.setdefault(point.key, point)
        return found


def networks(run: Run, *, along: bool, points: int, alphas: str | None) -> Networks:
    """Return the networks that the user asks for, with their scores on the run's splits.

    Raises:
        LmctoolError: a path is asked for without a pair, or what belongs to a path without one.
        UnjudgedError: all checkpoints answer at chance, or a loss on the path is no number.
    """
    if along:
        return _between(run, grid(points, alphas))
    given = [
        f"--{word}"
        for word, there in (
            ("align", run.settings.aligns),
            ("repair", run.settings.correction is not None),
            ("alphas", alphas is not None),
        )
        if there
    ]
    if given:
        raise LmctoolError(f"{given[0]} is for the path of --along; give that too")
    ends, names = run.ends, letters(run.count)
    for guess in run.guesses:
        run.doubt(guess.reason, split=guess.split, network=names[guess.end])
    return Networks(
        {"network": texts("network", names)},
        [Point(name, name, partial(run.weights, index)) for index, name in enumerate(names)],
        {metric.name: ends.values(metric).T for metric in run.metrics},
    )


def _between(run: Run, alpha: Array) -> Networks:
    """Return the networks of every variant at alphas, (variant, alpha)."""
    if run.count != 2:
        raise LmctoolError(
            f"--along takes the two checkpoints at the ends of a path, not {run.count}"
        )
    _ = run.ends  # before the alignment, so that a wrong model is reported at once
    for guess in run.guesses:
        run.doubt(guess.reason, split=guess.split)
    variants = run.variants()
    curves = run.follow(variants, alpha)
    points = []
    for variant in variants:
        for place in map(float, alpha):
            end = {0.0: variant.a, 1.0: variant.b}.get(place)
            key: Hashable = (variant.name, place) if end is None else id(end)
            name = f"{variant.name} at {place:.4g}"
            points.append(Point(name, key, partial(variant.at, place)))
    position = Variable(alpha, ("alpha",), long_name="position between A (0) and B (1)")
    return Networks(
        {"variant": texts("variant", [variant.name for variant in variants]), "alpha": position},
        points,
        {metric.name: np.moveaxis(curves.values(metric), 1, -1) for metric in run.metrics},
    )


def score_variables(
    metrics: Sequence[ScoreMetric], scores: Mapping[str, NDArray[np.float64]], dims: Sequence[str]
) -> dict[str, Variable]:
    """Return the scores as metrics of the result, over (*dims, split)."""
    return {
        metric.name: metric.variable(
            scores[metric.name], (*dims, "split"), metric=f"sharpness.{metric.name}"
        )
        for metric in metrics
    }


def texts(dim: str, names: Sequence[str], long_name: str = "") -> Variable:
    """Return the coordinate of a dim that has names."""
    return Variable(np.array(names, dtype=object), (dim,), long_name=long_name or dim)
