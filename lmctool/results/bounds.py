"""The bounds of 95 % intervals as variables of a result, and as declared metrics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.array import Array
    from lmctool.results.result import Variable
    from lmctool.results.score_metric import DeclaredScores, ScoreMetric

BOUNDS = ("lower95", "upper95")
"""How the names of bounds end."""


def bounds(
    name: str,
    values: Array,
    dims: tuple[str, ...],
    metric: ScoreMetric,
    meaning: str,
    public: str = "",
) -> dict[str, Variable]:
    """Return two variables, ``NAME_lower95`` and ``NAME_upper95``.

    Args:
        name: what they are the bounds of.
        values: (bound, ...).
        dims: of the rest.
        metric: loss or error.
        meaning: what they are the bounds of, in words.
        public: its public name, which gets ``.lower95`` and ``.upper95``; empty for none.
    """
    return {
        f"{name}_{bound}": metric.variable(
            each,
            dims,
            f"{bound.removesuffix('95')} 95 % bound of the {meaning}",
            public and f"{public}.{bound}",
            comparable=False,
        )
        for bound, each in zip(BOUNDS, values, strict=True)
    }


def declared_bounds(scores: Sequence[DeclaredScores]) -> tuple[DeclaredScores, ...]:
    """Return the bounds of metrics as what an analysis declares, of loss and error alone."""
    return tuple(
        replace(
            each,
            name=f"{each.name}.{bound}",
            meaning=f"{bound.removesuffix('95')} 95 % bound of the {each.meaning}",
            every=False,
        )
        for each in scores
        for bound in BOUNDS
    )
