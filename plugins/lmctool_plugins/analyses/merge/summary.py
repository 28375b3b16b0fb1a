"""What follows from the losses of a merge result: the alpha that is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable

if TYPE_CHECKING:
    from lmctool.api import Array, Result


def lowest(calibration: Array) -> int:
    """Return which alpha has the least loss of the last way, of losses (variant, alpha)."""
    last = calibration[-1]
    return int(np.where(np.isfinite(last), last, np.inf).argmin())


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the losses that a result holds."""
    if "merge/alphas" not in result.groups:
        return {}
    alphas = result.groups["merge/alphas"].variables
    chosen = alphas["alpha"].values[lowest(alphas["calibration"].values)]
    return {"merge/alphas": Group({"chosen": Variable(np.array(chosen))})}
