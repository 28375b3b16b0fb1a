"""What follows from the curves of a barrier result: barriers, their places, and the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable, barrier
from lmctool_plugins.analyses.barrier.paths import METRICS
from lmctool_plugins.analyses.barrier.per_example import summed_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Result

    Variables = Mapping[str, Variable]

WHOLE = ("variant", "split")
PART = (*WHOLE, "part")


def barriers(curve: Variables, definition: str) -> dict[str, Variable]:
    """Return the barriers of curves, and where they stand.

    Args:
        curve: ``alpha``, and over (variant, split, alpha) or (variant, split, part, alpha) loss
            and error.
        definition: which barrier.
    """
    summary = {}
    for metric in METRICS:
        name = metric.name
        dims = curve[name].dims[:-1]
        of, public = ("", "barrier.") if dims == WHOLE else (" of a part", "barrier.parts.")
        height, at = barrier(curve["alpha"].values, curve[name].values, definition)
        meaning = f"barrier of the {name}{of}"
        summary[f"barrier_{name}"] = metric.variable(height, dims, meaning, f"{public}{name}")
        summary[f"alpha_{name}"] = Variable(at, dims, "1", f"alpha of the {meaning}")
    return summary


def ends(curve: Variables) -> dict[str, Variable]:
    """Return loss and error of A and of B, from curves over (variant, split, alpha)."""
    names = np.array(["a", "b"], dtype=object)
    both = {
        "split": curve["split"],
        "end": Variable(names, ("end",), long_name="checkpoint"),
    }
    for metric in METRICS:
        values = curve[metric.name].values[0][:, [0, -1]]
        both[metric.name] = metric.variable(values, ("split", "end"), metric=f"end.{metric.name}")
    return both


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds."""
    curve = result.groups["barrier/curve"]
    definition = str(curve.attributes["definition"])
    groups = {
        "barrier/summary": Group(barriers(curve.variables, definition)),
        "barrier/ends": Group(ends(curve.variables)),
    }
    if "barrier/parts" in result.groups:
        own = result.groups["barrier/parts"].variables
        groups["barrier/parts"] = Group(barriers(own, definition))
    examples, singly = (result.groups.get(f"barrier/{name}") for name in ("examples", "singly"))
    # weights of examples are not stored, so their means are known where all count the same
    if examples is not None and singly is not None and singly.attributes.get("weighted") == 0:
        groups["barrier/singly"] = Group(_singly(examples.variables))
    return groups


def _singly(examples: Variables) -> dict[str, Variable]:
    """Return what the barriers of single examples, split by split, sum up to."""
    splits = len(examples["split"].values)
    begins = np.searchsorted(examples["within"].values, np.arange(1, splits))
    heights, lost = (
        np.split(examples[name].values, begins, axis=1) for name in ("barrier_loss", "broken")
    )
    return summed_up(heights, lost, [None] * splits)
