"""A variant of the straight path between two networks: plain, aligned, repaired, or both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lmctool.plugin import registry
from lmctool.run import batchnorm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from lmctool.run.run import Run

    Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to go from A to B.

    Attributes:
        name: ``plain``, ``align``, ``repair`` or ``align+repair``.
        ends: the indices of the two checkpoints.
        a: the first end.
        b: the second end: B, or B with its units in A's order.
        between: the weights strictly between the ends, at a given alpha.
    """

    name: str
    ends: tuple[int, int]
    a: Weights
    b: Weights
    between: Callable[[float], Weights]

    def at(self, alpha: float) -> Weights:
        """Return the weights at ``alpha``; the ends are the ends themselves, uncorrected.

        Raises:
            ValueError: alpha is outside [0, 1].
        """
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must lie in [0, 1], not {alpha}")
        if alpha == 0:
            return self.a
        return self.b if alpha == 1 else self.between(alpha)


def variants(run: Run, first: int, second: int, *, storable: bool) -> tuple[Variant, ...]:
    """Return the variants that the run's flags ask for: ``plain`` always, each step after it."""
    ends = first, second
    a, b = map(run.weights, ends)
    found = [Variant("plain", ends, a, b, partial(batchnorm.between, run, a, b))]
    name = "repair"
    if run.settings.aligns:
        b = run.align(a, b).apply(b)
        found.append(Variant("align", ends, a, b, partial(batchnorm.between, run, a, b)))
        name = "align+repair"
    if run.settings.correction is not None:
        choice = run.settings.correction
        correction = registry.load("lmctool.corrections", choice.name)
        between = correction.prepare(run, a, b, storable=storable, **choice.options)
        found.append(Variant(name, ends, a, b, between))
    return tuple(found)
