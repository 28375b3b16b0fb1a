"""Loss, error and other scores along the path, of every variant on every split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Variable, barrier
from lmctool.api.advanced import letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.api import Array, Curves, Run, ScoreMetric


@dataclass(frozen=True, slots=True)
class Paths:
    """The curves of every variant on every split.

    Attributes:
        variants: the names of the variants.
        splits: the names of the splits.
        curves: the scores of the variants, per example too where that is asked for.
        definition: which barrier.
    """

    variants: tuple[str, ...]
    splits: tuple[str, ...]
    curves: Curves
    definition: str

    @property
    def means(self) -> tuple[ScoreMetric, ScoreMetric]:
        """The metrics that are means over examples: loss and error."""
        loss, error = self.curves.metrics[:2]
        return loss, error

    def examples(self, split: str) -> Array:
        """Return loss and error of each example, (metric, variant, alpha, example)."""
        return np.stack([self.curves.losses[split], self.curves.errors[split]])

    def barriers(self, values: Array) -> tuple[Array, Array]:
        """Return the height of the barrier of each curve of costs (..., alpha), and its alpha."""
        return barrier(self.curves.alpha, values, self.definition)

    def coordinates(self) -> dict[str, Variable]:
        """Return the names of variants and splits."""
        texts = {"variant": self.variants, "split": self.splits}
        return {
            dim: Variable(np.array(names, dtype=object), (dim,), long_name=dim)
            for dim, names in texts.items()
        }

    def alpha(self) -> dict[str, Variable]:
        """Return the places along the path."""
        long_name = "position between A (0) and B (1)"
        return {"alpha": Variable(self.curves.alpha, ("alpha",), long_name=long_name)}

    def curve(self) -> dict[str, Variable]:
        """Return the curves, (variant, split, alpha)."""
        curve = self.coordinates() | self.alpha()
        for metric in self.curves.metrics:
            values = self.curves.values(metric)
            curve[metric.name] = metric.variable(values, ("variant", "split", "alpha"))
        return curve


def attributes_of(
    run: Run, definition: str, at_chance: Sequence[tuple[int, str]]
) -> dict[str, str | int | float]:
    """Return the attributes of the groups of a result.

    Args:
        run: the run.
        definition: which barrier.
        at_chance: the number and the split of each end that answers at chance.
    """
    attributes: dict[str, str | int | float] = {
        "definition": definition,
        "batchnorm": run.settings.batchnorm,
    }
    if at_chance:
        named = [f"{letters(2)[end]} on {split}" for end, split in at_chance]
        attributes["at_chance"] = ", ".join(named)
    return attributes
