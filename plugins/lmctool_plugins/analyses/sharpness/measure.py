"""Taking the curvature of every network, whole and part by part."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LmctoolError, Result, grid
from lmctool_plugins.analyses.sharpness.ball import highest
from lmctool_plugins.analyses.sharpness.lanczos import lanczos
from lmctool_plugins.analyses.sharpness.networks import networks, score_variables
from lmctool_plugins.analyses.sharpness.objective import MeanLoss, batches_of
from lmctool_plugins.analyses.sharpness.summary import (
    SCORES,
    WHOLE,
    Curvatures,
    groups,
    unconverged,
)
from lmctool_plugins.analyses.sharpness.trace import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from lmctool.api import Array, Run, Split, Weights
    from lmctool_plugins.analyses.sharpness.lanczos import Ritz
    from lmctool_plugins.analyses.sharpness.networks import Point

    Arrays = Mapping[str, Array]
    Item = tuple[Point, Split, str, str]

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What is taken of each network, with the options' values.

    Attributes:
        top: largest eigenvalues.
        lanczos: the most steps of a Lanczos process.
        eigenvalue_tolerance: the residual of an eigenvalue that has converged, as a share.
        density: vectors of the density.
        probes: the most vectors of the trace.
        trace_tolerance: the standard error that is small enough, as a share.
        rho: the radius of the ball.
        ascent: steps in the ball.
        adaptive: whether the ball is measured in shares of the parameters.
        curvature_size: the most examples.
        curvature_batch: the most of them at once.
    """

    top: int
    lanczos: int
    eigenvalue_tolerance: float
    density: int
    probes: int
    trace_tolerance: float
    rho: float
    ascent: int
    adaptive: bool
    curvature_size: int
    curvature_batch: int

    def spectrum(self, run: Run, loss: MeanLoss) -> Arrays:
        """Return the largest eigenvalues, the lowest, and the quadrature of the density.

        Of the first random vector they are; those of the density alone follow.
        """
        draw = _signs(run, "lanczos", loss)

        def enough(found: Ritz) -> bool:
            return not self.density and found.converged(self.top, self.eigenvalue_tolerance)

        nodes, weights = (np.full((self.density, self.lanczos), np.nan) for _ in range(2))
        ends: dict[str, Array] = {}
        for row in range(max(self.density, 1)):
            found = lanczos(loss.product, draw(), self.lanczos, draw, enough)
            if row < self.density:
                nodes[row, : len(found.values)] = found.values
                weights[row, : len(found.values)] = found.weights
            if row == 0:
                ends = self._ends(loss, found)
            del found  # its vectors are the most that is in memory
        return {**ends, "node": nodes, "weight": weights}

    def _ends(self, loss: MeanLoss, found: Ritz) -> dict[str, Array]:
        """Return the eigenvalues at the ends of a spectrum, with what tells their errors."""
        values, residuals = found.largest(loss.product, self.top)
        lowest, lowest_residual = found.lowest(loss.product, self.eigenvalue_tolerance)
        return {
            "eigenvalue": values,
            "residual": residuals,
            "lowest": np.array(lowest),
            "lowest_residual": np.array(lowest_residual),
            "radius": np.array(found.radius),
            "steps": np.array(len(found.values), dtype=np.float64),
        }

    def trace(self, run: Run, loss: MeanLoss) -> Arrays:
        """Return the samples of the trace, NaN for those that were not needed."""
        draw = _signs(run, "trace", loss)
        found = samples(loss.product, draw, self.probes, self.trace_tolerance)
        return {"sample": np.pad(found, (0, self.probes - len(found)), constant_values=np.nan)}

    def ball(self, run: Run, loss: MeanLoss) -> Arrays:
        """Return loss and error at the parameters, and highest in the ball around them."""
        import torch

        del run  # nothing is drawn
        scale = loss.point.abs() if self.adaptive else torch.ones_like(loss.point)
        here = loss.scores()
        there = highest(loss.scores, loss.gradient, scale, self.rho, self.ascent)
        return {"here": np.array(here), "there": np.array(there)}

    @property
    def quantities(self) -> dict[str, tuple[Callable[[Run, MeanLoss], Arrays], list[object]]]:
        """What is taken, by name, and the options that decide it."""
        examples = [self.curvature_size, self.curvature_batch]
        steps = [self.top, self.lanczos, self.eigenvalue_tolerance, self.density]
        return {
            "spectrum": (self.spectrum, [*examples, *steps]),
            "trace": (self.trace, [*examples, self.probes, self.trace_tolerance]),
            "ball": (self.ball, [*examples, self.rho, self.ascent, self.adaptive]),
        }


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
    own = networks(run, along=along, points=points, alphas=alphas)
    parts = _parts(run, own.points[0].weights(), by)
    sizes = _sizes(own.points[0].weights(), parts)
    _refuse(max(sizes), plan.lanczos, run.dtype.itemsize, vector_memory)
    examples = {
        split.name: batches_of(run, split, plan.curvature_size, plan.curvature_batch)
        for split in run.splits
    }

    def taken(item: Item) -> Arrays:
        point, split, part, quantity = item
        weights = point.weights()
        take, decided = plan.quantities[quantity]
        return run.kept(
            quantity,
            lambda: take(run, MeanLoss(run, *examples[split.name], weights, parts[part])),
            networks=[weights],
            splits=[split],
            of=[parts[part], *decided],
        )

    items = list(product(own.distinct.values(), run.splits, parts, plan.quantities))
    each = run.map(items, taken, key=_called, description="curvature")
    found: dict[tuple[object, str, str], dict[str, Array]] = {}
    for (point, split, part, _), arrays in zip(items, each, strict=True):
        found.setdefault((point.key, split.name, part), {}).update(arrays)
    rows = [
        found[point.key, split.name, part]
        for point, split, part in product(own.points, run.splits, parts)
    ]
    shape = (*own.shape, len(run.splits), len(parts))
    curvatures = Curvatures(
        own.coordinates,
        [split.name for split in run.splits],
        list(parts),
        np.array(sizes),
        {
            name: np.array([row[name] for row in rows]).reshape(*shape, *rows[0][name].shape)
            for name in rows[0]
        },
    )
    attributes: dict[str, str | float] = {
        name: _plain(value) for name, value in asdict(plan).items()
    }
    attributes |= {"by": by or "", "batchnorm": run.settings.batchnorm}
    for reason, ranks in unconverged(curvatures, plan.eigenvalue_tolerance):
        run.note(reason)
        for where in ranks:
            run.doubt(reason, **where)
    scores = score_variables(run.metrics, own.scores, tuple(own.coordinates))
    coordinates = curvatures.coordinates("split")
    return Result(
        "sharpness",
        {
            **groups(curvatures, run.metrics, attributes),
            SCORES: Group({**coordinates, **scores}),
        },
    )


def _plain(value: float) -> float:
    return int(value) if isinstance(value, bool) else value


def _called(item: Item) -> str:
    point, split, part, quantity = item
    return f"{point.name}, {split.name}, {part}, {quantity}"


def _signs(run: Run, name: str, loss: MeanLoss) -> Callable[[], Tensor]:
    """Return what draws one vector of random signs after the other, the same for all networks."""
    import torch

    generator, like = run.generator(f"sharpness {name}"), loss.point

    def draw() -> Tensor:
        signs = torch.randint(0, 2, like.shape, generator=generator, dtype=torch.int8)
        return (2 * signs - 1).to(like)

    return draw


def _parts(run: Run, weights: Weights, by: str | None) -> dict[str, list[str]]:
    """Return the names of the parameters of the whole network, and of each part that has any."""
    module = run.resources.module
    named = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    own = [n for n, tensor in weights.items() if n in named and tensor.is_floating_point()]
    parts = {} if by is None else run.resources.parts(by)
    present = {part: [n for n in names if n in own] for part, names in parts.items()}
    return {WHOLE: own, **{part: names for part, names in present.items() if names}}


def _sizes(weights: Weights, parts: Mapping[str, Sequence[str]]) -> list[int]:
    return [sum(weights[name].numel() for name in names) for names in parts.values()]


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
