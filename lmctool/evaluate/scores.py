"""What an evaluation measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scores:
    """Loss and error of every network on every split.

    Attributes:
        splits: the names of the splits.
        loss: (split, network) mean loss per example, in nats.
        error: (split, network) share of examples answered wrongly.
        losses: for each split (network, example) when asked per example, else empty.
        errors: likewise.
    """

    splits: tuple[str, ...]
    loss: NDArray[np.float64]
    error: NDArray[np.float64]
    losses: dict[str, NDArray[Any]]
    errors: dict[str, NDArray[Any]]
