"""Curves and barriers of parts of the examples: of each class, or of each split by score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable
from lmctool_plugins.analyses.barrier.intervals import bounds, intervals
from lmctool_plugins.analyses.barrier.measured import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool.api import Partition
    from lmctool_plugins.analyses.barrier.measured import Measured

    Array = NDArray[np.float64]


def part_group(
    found: Measured, members: Mapping[str, Partition], repeats: int | None, seed: int
) -> Group:
    """Return curves and barriers over (variant, split, part), and the examples of each part.

    Args:
        found: what was measured, per example too.
        members: the partition of each split.
        repeats: how many draws of a part's examples give its intervals; None for no intervals.
        seed: the seed of the draws.
    """
    first = next(iter(members.values()))
    names = np.array(first.parts, dtype=object)
    sizes = np.array([members[split].sizes for split in found.splits])
    variables = found.coordinates() | found.alpha()
    variables["part"] = Variable(names, ("part",), long_name=f"part by {first.by}")
    variables["examples"] = Variable(sizes, ("split", "part"), long_name="examples of the part")
    over = ("variant", "split", "part")
    curves = np.stack([_curves(found, split, members[split]) for split in found.splits], axis=2)
    for number, (metric, unit) in enumerate(UNITS.items()):
        height, at = found.barriers(curves[number])
        meaning = f"barrier of the {metric} of a part"
        variables |= {
            metric: Variable(curves[number], (*over, "alpha"), unit, f"{metric} of a part"),
            f"barrier_{metric}": Variable(
                height, over, unit, meaning, f"barrier.parts.{metric}", "lower"
            ),
            f"alpha_{metric}": Variable(at, over, "1", f"alpha of the {meaning}"),
        }
    if repeats is not None:
        variables |= _intervals(found, members, repeats, seed)
    return Group(variables, {"by": first.by, "definition": found.definition})


def _curves(found: Measured, split: str, own: Partition) -> Array:
    """Return the curves of each part of a split, (metric, variant, part, alpha)."""
    means = own.means(found.examples(split), found.curves.weights.get(split))
    return np.moveaxis(means, -1, -2)


def _intervals(
    found: Measured, members: Mapping[str, Partition], repeats: int, seed: int
) -> dict[str, Variable]:
    """Return the bounds of the barriers of each part, from draws of its own examples."""
    heights = np.stack(
        [_drawn(found, split, members[split], repeats, seed) for split in found.splits], axis=-2
    )
    over = ("variant", "split", "part")
    variables: dict[str, Variable] = {}
    for number, (metric, unit) in enumerate(UNITS.items()):
        told = f"barrier of the {metric} of a part"
        variables |= bounds(
            f"barrier_{metric}", heights[:, number], over, unit, told, f"barrier.parts.{metric}"
        )
    return variables


def _drawn(found: Measured, split: str, own: Partition, repeats: int, seed: int) -> Array:
    """Return the bounds of the barriers of each part of a split, (bound, metric, variant, part)."""
    places = [np.flatnonzero(own.members == part) for part in range(len(own.parts))]
    each = [intervals(found, split, repeats, seed, members).barrier for members in places]
    return np.stack(each, axis=-1)
