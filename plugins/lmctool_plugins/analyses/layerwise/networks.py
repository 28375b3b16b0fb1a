"""The networks that the paths of the parts of one variant pass through, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import UnjudgedError
from lmctool.api.advanced import Partwise
from lmctool_plugins.analyses.layerwise.kernel import RESTS, differing, distinct, positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, Variant
    from lmctool_plugins.analyses.layerwise.kernel import Cumulative


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """The networks of one variant.

    Attributes:
        variant: the variant.
        alpha: (alpha,) rising from 0 to 1.
        rests: how many rests there are.
        groups: the names of the tensors of each part, then those in no part.
        places: (network, part) the alpha of each part.
        member: (curve * alpha,) the network at each place of each curve: of the parts for each
            rest, then of the full path.
        end: (network,) which checkpoint a network equals, 0 or 1; -1 for neither.
    """

    variant: Variant
    alpha: Array
    rests: int
    groups: Sequence[Sequence[str]]
    places: Array
    member: NDArray[np.int64]
    end: NDArray[np.int64]

    def of(self, numbers: NDArray[np.intp]) -> Partwise:
        """Return some of the networks."""
        return Partwise(self.variant.a, self.variant.b, self.groups, self.places[numbers])


def networks_of(
    variant: Variant,
    parts: Sequence[Sequence[str]],
    alpha: Array,
    rests: Sequence[str],
    cumulative: Cumulative,
) -> Networks:
    """Return the networks of the curves of all parts, and of the full path."""
    count = len(parts)
    inside = {name for names in parts for name in names}
    groups = [*parts, [name for name in variant.a if name not in inside]]
    curves = [positions(count, alpha, RESTS[rest], cumulative) for rest in rests]
    full = np.repeat(alpha[:, None], count + 1, axis=1)
    differ = differing(variant.a, variant.b, groups)
    every = np.concatenate([*(each.reshape(-1, count + 1) for each in curves), full])
    places, member = distinct(every, differ)
    at_a = (places[:, differ] == 0).all(axis=1)
    at_b = (places[:, differ] == 1).all(axis=1) & (variant.name == "plain") & ~at_a
    end = np.where(at_a, 0, np.where(at_b, 1, -1))
    return Networks(variant, alpha, len(rests), groups, places, member, end)


def refuse_nan(losses: Array, variant: Variant, split: str) -> None:
    """Refuse networks whose loss isn't a number.

    Raises:
        UnjudgedError: one of these is none.
    """
    if np.isnan(losses).any():
        raise UnjudgedError(
            f"a network between the two checkpoints (variant {variant.name!r}) has a loss that is"
            f" not a number on split {split!r}, so its parts cannot be judged"
        )
