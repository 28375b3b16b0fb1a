"""Taking the curvature of every network, whole and part by part."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LmctoolError, Result, grid
from lmctool_plugins.analyses.sharpness.networks import networks, score_variables
from lmctool_plugins.analyses.sharpness.objective import MeanLoss, batches_of
from lmctool_plugins.analyses.sharpness.plan import Plan
from lmctool_plugins.analyses.sharpness.summary import (
    SCORES,
    WHOLE,
    Curvatures,
    groups,
    unconverged,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.api import Run, Split, Weights
    from lmctool_plugins.analyses.sharpness.networks import Networks, Point
    from lmctool_plugins.analyses.sharpness.plan import Arrays

    Item = tuple[Point, Split, str, str]

GIB = 1 << 30


def network_count(run: Run, *, along: bool, points: int, alphas: str | None, **_: object) -> int:
    """Return how many networks are evaluated: the checkpoints, and those on the path."""
    return run.count + (run.count_followed(len(grid(points, alphas))) if along else 0)


def measure(
    run: Run,
    *,
    along: bool,
    points: int,
    alphas: str | None,
    by: str | None,
    density: int | None,
    vector_memory: float,
    **options: int | float | bool,
) -> Result:
    """Take eigenvalues, trace, density and rise of every network on every split.

    Raises:
        LmctoolError: the vectors would take too much memory, or as ``networks`` and ``parts`` say.
        UnjudgedError: as ``networks``.
    """
    plan = Plan(density=int(not along) if density is None else density, **options)  # type: ignore[arg-type]
    parts, own = _parts(run, run.weights(0), by), run.weights(0)
    sizes = [sum(own[name].numel() for name in names) for names in parts.values()]
    _refuse(max(sizes), plan.lanczos, run.dtype.itemsize, vector_memory)
    measured = networks(run, along=along, points=points, alphas=alphas)
    found = _taken(run, plan, measured, by, list(parts), sizes)
    for reason, places in unconverged(found, plan.eigenvalue_tolerance):
        run.note(reason)
        for where in places:
            run.doubt(reason, **where)
    attributes = {**plan.attributes, "by": by or "", "batchnorm": run.settings.batchnorm}
    scores = score_variables(run.metrics, measured.scores, tuple(measured.coordinates))
    return Result(
        "sharpness",
        {
            **groups(found, run.metrics, attributes),
            SCORES: Group({**found.coordinates("split"), **scores}),
        },
    )


def _taken(
    run: Run,
    plan: Plan,
    measured: Networks,
    by: str | None,
    parts: Sequence[str],
    sizes: Sequence[int],
) -> Curvatures:
    """Take every quantity of every part of every network, each network once."""
    examples = {
        split.name: batches_of(run, split, plan.curvature_size, plan.curvature_batch)
        for split in run.splits
    }

    def taken(item: Item) -> Arrays:
        point, split, part, quantity = item
        weights = point.weights()
        names = _parts(run, weights, by)[part]  # in canonical form there may be more of them
        take, decided = plan.quantities[quantity]
        return run.kept(
            quantity,
            lambda: take(run, MeanLoss(run, *examples[split.name], weights, names)),
            networks=[weights],
            splits=[split],
            of=[names, *decided],
        )

    items = list(product(measured.distinct.values(), run.splits, parts, plan.quantities))
    each = run.map(items, taken, key=_called, description="curvature")
    found: dict[tuple[object, str, str], Arrays] = {}
    for (point, split, part, _), arrays in zip(items, each, strict=True):
        place = point.key, split.name, part
        found[place] = {**found.get(place, {}), **arrays}
    rows = [
        found[point.key, split.name, part]
        for point, split, part in product(measured.points, run.splits, parts)
    ]
    shape = (*measured.shape, len(run.splits), len(parts))
    return Curvatures(
        measured.coordinates,
        [split.name for split in run.splits],
        parts,
        np.array(sizes),
        {
            name: np.array([row[name] for row in rows]).reshape(*shape, *first.shape)
            for name, first in rows[0].items()
        },
    )


def _called(item: Item) -> str:
    point, split, part, quantity = item
    return f"{point.name}, {split.name}, {part}, {quantity}"


def _parts(run: Run, weights: Weights, by: str | None) -> dict[str, list[str]]:
    """Return the names of the parameters of the whole network, and of each part that has any."""
    module = run.resources.module
    named = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    own = [n for n, tensor in weights.items() if n in named and tensor.is_floating_point()]
    parts = {} if by is None else run.resources.parts(by)
    there = frozenset(own)
    present = {part: [n for n in names if n in there] for part, names in parts.items()}
    return {WHOLE: own, **{part: names for part, names in present.items() if names}}


def _refuse(size: int, steps: int, itemsize: int, most: float) -> None:
    """Refuse more memory than the user allows.

    Raises:
        LmctoolError: the vectors would take it.
    """
    vectors, room = min(steps, size), most * GIB
    if vectors * size * itemsize > room:
        raise LmctoolError(
            f"{vectors} Lanczos vectors of {size:,} parameters take"
            f" {vectors * size * itemsize / GIB:.3g} GiB, more than --vector-memory {most:g} GiB;"
            f" lower --lanczos ({math.floor(room / (size * itemsize))} have room), or raise that"
        )
