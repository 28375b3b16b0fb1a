"""What follows from the curves of a barrier result: barriers, their places, and the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable, barrier, metrics_of
from lmctool_plugins.analyses.barrier.per_example import summed_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Result, ScoreMetric

    Variables = Mapping[str, Variable]

WHOLE = ("variant", "split")
PART = (*WHOLE, "part")


def barriers(
    curve: Variables, metrics: Sequence[ScoreMetric], definition: str
) -> dict[str, Variable]:
    """Return the barriers of curves, and where they stand.

    Args:
        curve: ``alpha``, and over (variant, split, alpha) or (variant, split, part, alpha) each
            metric.
        metrics: what the curves are of.
        definition: which barrier.
    """
    summary = {}
    for metric in metrics:
        name = metric.name
        dims = curve[name].dims[:-1]
        of, public = ("", "barrier.") if dims == WHOLE else (" of a part", "barrier.parts.")
        costs = metric.as_cost(curve[name].values)
        height, at = barrier(curve["alpha"].values, costs, definition)
        meaning = f"barrier of the {name}{of}"
        summary[f"barrier_{name}"] = metric.variable(
            height, dims, meaning, f"{public}{name}", of="height"
        )
        summary[f"alpha_{name}"] = Variable(at, dims, "1", f"alpha of the {meaning}")
    return summary


def ends(curve: Variables, metrics: Sequence[ScoreMetric]) -> dict[str, Variable]:
    """Return the metrics of A and of B, from curves of them over (variant, split, alpha)."""
    names = np.array(["a", "b"], dtype=object)
    both = {
        "split": curve["split"],
        "end": Variable(names, ("end",), long_name="checkpoint"),
    }
    for metric in metrics:
        values = curve[metric.name].values[0][:, [0, -1]]
        both[metric.name] = metric.variable(values, ("split", "end"), metric=f"end.{metric.name}")
    return both


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds."""
    curve = result.groups["barrier/curve"]
    definition, metrics = str(curve.attributes["definition"]), metrics_of(result)
    groups = {
        "barrier/summary": Group(barriers(curve.variables, metrics, definition)),
        "barrier/ends": Group(ends(curve.variables, metrics)),
    }
    if "barrier/parts" in result.groups:
        own = result.groups["barrier/parts"].variables
        groups["barrier/parts"] = Group(barriers(own, metrics[:2], definition))
    examples, singly = (result.groups.get(f"barrier/{name}") for name in ("examples", "singly"))
    # weights of examples are not stored, so their means are known where all count the same
    if examples is not None and singly is not None and singly.attributes.get("weighted") == 0:
        groups["barrier/singly"] = Group(_singly(examples.variables, metrics[:2]))
    return groups


def _singly(examples: Variables, metrics: Sequence[ScoreMetric]) -> dict[str, Variable]:
    """Return what the barriers of single examples, split by split, sum up to."""
    splits = len(examples["split"].values)
    begins = np.searchsorted(examples["within"].values, np.arange(1, splits))
    heights = np.split(examples["barrier_loss"].values, begins, axis=1)
    _, error = metrics
    lost = np.split(examples["broken"].values, begins, axis=1) if error.of_answers else None
    return summed_up(metrics, heights, lost, [None] * splits)
