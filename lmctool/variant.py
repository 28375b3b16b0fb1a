"""A variant of the straight path between two networks: plain, aligned, repaired, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to go from A to B.

    Attributes:
        name: ``plain``, ``align``, ``repair`` or ``align+repair``.
        a: the first end.
        b: the second end: B, or B with its units in A's order.
        between: the weights strictly between the ends, at a given alpha.
    """

    name: str
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
