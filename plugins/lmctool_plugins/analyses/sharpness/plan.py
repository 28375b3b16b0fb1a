"""What is taken of each network, as the options say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool_plugins.analyses.sharpness.ball import highest
from lmctool_plugins.analyses.sharpness.lanczos import lanczos
from lmctool_plugins.analyses.sharpness.trace import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from lmctool.api import Array, Run
    from lmctool_plugins.analyses.sharpness.lanczos import Ritz
    from lmctool_plugins.analyses.sharpness.objective import MeanLoss

    Arrays = Mapping[str, Array]


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
        """Return eigenvalues at both ends, by the first vector, and the quadrature."""
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

    @property
    def attributes(self) -> dict[str, float]:
        """The options by name, as a result can hold them."""
        values = asdict(self)
        return {name: int(v) if isinstance(v, bool) else v for name, v in values.items()}


def _signs(run: Run, name: str, loss: MeanLoss) -> Callable[[], Tensor]:
    """Return what draws one vector of random signs after the other, the same for all networks."""
    import torch

    generator, like = run.generator(f"sharpness {name}"), loss.point

    def draw() -> Tensor:
        signs = torch.randint(0, 2, like.shape, generator=generator, dtype=torch.int8)
        return (2 * signs - 1).to(like)

    return draw
