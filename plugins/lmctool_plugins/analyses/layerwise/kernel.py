"""Where every part of a network stands on its way, and the share of a barrier it explains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import barrier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from numpy.typing import NDArray

    from lmctool.api import Array, ScoreMetric, Weights

    Cumulative = Literal["none", "forward", "backward"]

RESTS = {"a": 0.0, "b": 1.0}
"""The alpha of the state that all other parts rest at."""
UNEQUAL = 0.1
"""How far the rise from the rest to the top of a barrier may be from its height, as a share."""
ROUNDING = 1e-9
"""How far above 1 the share of the full path may be."""


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """One metric, or its costs, of every part's curve and of the full path.

    Attributes:
        alpha: (alpha,) rising from 0 to 1.
        rests: for each rest ``a`` or ``b``, the state of the parts that do not move.
        parts: (variant, rest, split, part, alpha).
        full: (variant, split, alpha).
        chance: (split,) that of the best constant answer; NaN where it isn't known.
    """

    alpha: Array
    rests: tuple[str, ...]
    parts: Array
    full: Array
    chance: Array

    def costs(self, metric: ScoreMetric) -> Paths:
        """Return the costs of the values of a metric."""
        parts, full, chance = map(metric.as_cost, (self.parts, self.full, self.chance))
        return replace(self, parts=parts, full=full, chance=chance)

    @property
    def rest(self) -> Array:
        """The value of the state that the others rest at, (variant, rest, split)."""
        ends = [self.full[..., 0 if state == "a" else -1] for state in self.rests]
        return np.stack(ends, axis=1)

    @property
    def other(self) -> Array:
        """The value with the part in the other state, (variant, rest, split, part)."""
        ends = [
            self.parts[:, row, ..., -1 if state == "a" else 0]
            for row, state in enumerate(self.rests)
        ]
        return np.stack(ends, axis=1)


def positions(count: int, alpha: Array, rest: float, cumulative: Cumulative) -> Array:
    """Return the alpha of every part at every point of each part's curve.

    Args:
        count: how many parts there are.
        alpha: (alpha,) rising from 0 to 1.
        rest: the alpha of the parts that do not move.
        cumulative: whether the parts before (``forward``) or behind (``backward``) move too.

    Returns:
        (part, alpha, count + 1): curves, their points, and the parts; the last place stands for
        the tensors in no part, which rest.
    """
    moves = np.eye(count, dtype=bool)
    if cumulative != "none":
        until = np.tri(count, dtype=bool)
        moves = until if cumulative == "forward" else until.T
    moves = np.pad(moves, ((0, 0), (0, 1)))
    return np.where(moves[:, None, :], alpha[None, :, None], rest)


def differing(a: Weights, b: Weights, parts: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    """Return for each part whether any of its tensors differs between A and B, (part,) bool."""
    import torch

    return np.array([any(not torch.equal(a[n], b[n]) for n in names) for names in parts])


def distinct(places: Array, differ: NDArray[np.bool_]) -> tuple[Array, NDArray[np.int64]]:
    """Return the networks that places make, each once, and which of them each place is.

    Args:
        places: (place, part) alphas.
        differ: (part,) whether a part's alpha makes any difference.

    Returns:
        (network, part) alphas, and (place,) the network of each.
    """
    rows: dict[tuple[float, ...], int] = {}
    member = np.array(
        [rows.setdefault(tuple(place[differ].tolist()), len(rows)) for place in places]
    )
    _, first = np.unique(member, return_index=True)
    return places[first], member


def shares(paths: Paths, definition: str, cumulative: Cumulative, least: float) -> Array:
    """Return the share of the full path's barrier that each part explains.

    That is the rise from the state that the others rest at, with the part alone moved to where
    the barrier stands, over that with all moved: 0 for a part without effect, 1 for the full path.

    Args:
        paths: costs.
        definition: what the full path's barrier rises over.
        cumulative: how the parts were moved; then the differences of consecutive curves.
        least: the height that the full path's barrier has to exceed.

    Returns:
        (variant, rest, split, part) in [-1, 1]; NaN where ``explained`` is, and of a part that
        rises, or falls, by more than the barrier.
    """
    whole, point = explained(paths, definition, least)
    moved = np.take_along_axis(paths.parts, point[:, None, :, None, None], axis=-1)[..., 0]
    share = (moved - paths.rest[..., None]) / whole[..., None]
    if cumulative == "forward":
        share = np.diff(share, axis=-1, prepend=0)
    elif cumulative == "backward":
        share = -np.diff(share, axis=-1, append=0)
    return np.where(abs(share) <= 1 + ROUNDING, share, np.nan)


def explained(paths: Paths, definition: str, least: float) -> tuple[Array, NDArray[np.int64]]:
    """Return the rise of costs from the state that the others rest at to the full path's barrier.

    Returns:
        (variant, rest, split) that rise; NaN where the full path has no barrier above ``least``,
        and where the rise is another than the barrier by more than ``UNEQUAL`` of it: between
        unequal ends it holds their difference, too.  And (variant, split) the place of the barrier.
    """
    height, at = barrier(paths.alpha, paths.full, definition)
    point = np.searchsorted(paths.alpha, at)
    top = np.take_along_axis(paths.full, point[..., None], axis=-1)
    rise = top.swapaxes(1, 2) - paths.rest
    height = np.where(height > least, height, np.nan)[:, None]
    return np.where(abs(rise - height) <= UNEQUAL * height, rise, np.nan), point
