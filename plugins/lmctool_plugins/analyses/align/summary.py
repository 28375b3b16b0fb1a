"""What follows from the permutation of an align result: the share of units that moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable

if TYPE_CHECKING:
    from lmctool.api import Result


def moved(count: int, units: int) -> Group:
    """Return the share of units that moved, of all that may, as metric ``align.moved``."""
    share = count / units if units else np.nan
    name = "share of units that moved"
    return Group({"moved": Variable(np.array(share), long_name=name, metric="align.moved")})


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the permutation that a result holds."""
    stored = result.groups["permutations"].variables
    moves = [
        stored[f"permutation_{number:03d}"].values for number in range(len(stored["group"].values))
    ]
    count = sum(int((move != np.arange(move.shape[-1])).sum()) for move in moves)
    return {"align": moved(count, sum(move.size for move in moves))}
