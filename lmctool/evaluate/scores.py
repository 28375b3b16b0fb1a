"""What an evaluation measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scores:
    """Loss and error of every network on every split.

    Attributes:
        splits: the names of the splits.
        loss: (split, network) mean loss per example (of causal-lm: per token), in nats.
        error: (split, network) share of examples (tokens) answered wrongly.
        losses: for each split (network, example) when asked per example, else empty; of an
            example of several tokens their mean.
        errors: likewise.
        weights: for each split (example,) how much each example counts in a mean, when asked per
            example and where the task weighs them, else empty.
    """

    splits: tuple[str, ...]
    loss: NDArray[np.float64]
    error: NDArray[np.float64]
    losses: dict[str, NDArray[Any]]
    errors: dict[str, NDArray[Any]]
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
