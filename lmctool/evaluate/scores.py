"""What an evaluation measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.results.score_metric import ERROR, LOSS, ScoreMetric

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scores:
    """Loss, error and other scores of every network on every split.

    Attributes:
        splits: the names of the splits.
        loss: (split, network) mean loss per example (of causal-lm: per token).
        error: (split, network) mean error of the same.
        losses: for each split (network, example) when asked per example, else empty; of an
            example of several tokens their mean.
        errors: the error of each example, likewise.
        weights: for each split (example,) how much each example counts in a mean, when asked per
            example and where the task weighs them, else empty.
        more: other scores by name, (split, network) each.
        metrics: what was measured: loss, error, and the others in the order that the user named.
    """

    splits: tuple[str, ...]
    loss: NDArray[np.float64]
    error: NDArray[np.float64]
    losses: dict[str, NDArray[Any]]
    errors: dict[str, NDArray[Any]]
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    more: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    metrics: tuple[ScoreMetric, ...] = (LOSS, ERROR)

    def values(self, metric: ScoreMetric) -> NDArray[np.float64]:
        """Return the (split, network) values of one metric."""
        return {"loss": self.loss, "error": self.error, **self.more}[metric.name]

    def only(self, place: int) -> Scores:
        """Return the scores of one network of several."""
        one = slice(place, place + 1)
        return Scores(
            self.splits,
            self.loss[:, one],
            self.error[:, one],
            {name: values[one] for name, values in self.losses.items()},
            {name: values[one] for name, values in self.errors.items()},
            self.weights,
            {name: values[:, one] for name, values in self.more.items()},
            self.metrics,
        )


def joined(rows: list[list[Scores]]) -> Scores:
    """Return one record of the scores of single networks, a row of them for each split."""
    names = [row[0].splits[0] for row in rows]
    named = list(zip(names, rows, strict=True))
    return Scores(
        tuple(names),
        np.concatenate([np.hstack([each.loss for each in row]) for row in rows]),
        np.concatenate([np.hstack([each.error for each in row]) for row in rows]),
        {name: np.vstack([each.losses[name] for each in row]) for name, row in named},
        {name: np.vstack([each.errors[name] for each in row]) for name, row in named},
        {name: share for row in rows for name, share in row[0].weights.items()},
        {
            name: np.concatenate([np.hstack([each.more[name] for each in row]) for row in rows])
            for name in rows[0][0].more
        },
        rows[0][0].metrics,
    )
