"""Curves and barriers of parts of the examples: of each class, or of each split by score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable
from lmctool.api.advanced import bounds
from lmctool_plugins.analyses.barrier.intervals import intervals
from lmctool_plugins.analyses.barrier.summary import barriers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Array, Partition
    from lmctool_plugins.analyses.barrier.paths import Paths


def part_group(
    paths: Paths, members: Mapping[str, Partition], repeats: int | None, seed: int
) -> Group:
    """Return curves and barriers over (variant, split, part), and the examples of each part.

    Args:
        paths: the curves, per example too.
        members: the partition of each split.
        repeats: how many draws of a part's examples give its intervals; None for no intervals.
        seed: the seed of the draws.
    """
    first = next(iter(members.values()))
    names = np.array(first.parts, dtype=object)
    sizes = np.array([members[split].sizes for split in paths.splits])
    variables = paths.coordinates() | paths.alpha()
    variables["part"] = Variable(names, ("part",), long_name=f"part by {first.by}")
    variables["examples"] = Variable(sizes, ("split", "part"), long_name="examples of the part")
    over = ("variant", "split", "part")
    curves = np.stack([_curves(paths, split, members[split]) for split in paths.splits], axis=2)
    for number, metric in enumerate(paths.means):
        name = metric.name
        variables[name] = metric.variable(curves[number], (*over, "alpha"), f"{name} of a part")
    variables |= barriers(variables, paths.means, paths.definition)
    if repeats is not None:
        variables |= _intervals(paths, members, repeats, seed)
    return Group(variables, {"by": first.by, "definition": paths.definition})


def _curves(paths: Paths, split: str, own: Partition) -> Array:
    """Return the curves of each part of a split, (metric, variant, part, alpha)."""
    means = own.means(paths.examples(split), paths.curves.weights.get(split))
    return np.moveaxis(means, -1, -2)


def _intervals(
    paths: Paths, members: Mapping[str, Partition], repeats: int, seed: int
) -> dict[str, Variable]:
    """Return the bounds of the barriers of each part, from draws of its own examples."""
    heights = np.stack(
        [_drawn(paths, split, members[split], repeats, seed) for split in paths.splits], axis=-2
    )
    over = ("variant", "split", "part")
    variables: dict[str, Variable] = {}
    for number, metric in enumerate(paths.means):
        name = metric.name
        variables |= bounds(
            f"barrier_{name}",
            heights[:, number],
            over,
            metric,
            f"barrier of the {name} of a part",
            f"barrier.parts.{name}",
        )
    return variables


def _drawn(paths: Paths, split: str, own: Partition, repeats: int, seed: int) -> Array:
    """Return the bounds of the barriers of each part of a split, (bound, metric, variant, part)."""
    places = [np.flatnonzero(own.members == part) for part in range(len(own.parts))]
    each = [intervals(paths, split, repeats, seed, members).barrier for members in places]
    return np.stack(each, axis=-1)
