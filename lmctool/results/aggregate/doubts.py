"""The doubts of results as those of their average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.aggregate.summary import TO, VARIANT, VARIANTS
from lmctool.results.coordinates import coordinate
from lmctool.results.doubt import Doubt, doubts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.results.aggregate.side_by_side import Member
    from lmctool.results.result import Group, Result


def doubts_on(members: Sequence[Member], groups: Mapping[str, Group], dim: str) -> Iterator[Doubt]:
    """Yield the doubts of all results; one that is not of all results names those it is of.

    A doubt is one of all places along a dim that is called otherwise here, or not here at all; one
    of a variant is one of its differences from others.

    Args:
        members: the results.
        groups: what is averaged of them, by path.
        dim: the dim of what is averaged over.
    """
    called = "draw " if dim == "draw" else ""
    holders: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for each in members:
        for doubt in doubts_of(each.result):
            where = tuple(
                (key, value)
                for key, value in doubt.where.items()
                if key != dim and _stays(each.result, groups, key)
            )
            holders.setdefault((doubt.reason, where), []).append(called + each.name)
    labels = {
        str(label)
        for group in groups.values()
        if VARIANTS in group.variables
        for label in group.variables[VARIANTS].values
    }
    for (reason, place), names in holders.items():
        told = reason if len(names) == len(members) else f"{reason} (of {', '.join(names)})"
        yield Doubt(told, dict(place))
        rest = dict(place)
        variant = rest.pop(VARIANT, None)
        for label in sorted(labels):
            if variant in label.split(TO):
                yield Doubt(told, {**rest, VARIANTS: label})


def _stays(result: Result, groups: Mapping[str, Group], dim: str) -> bool:
    """Tell whether the places along a dim are called as in a result."""
    here = [
        (coordinate(result, path, dim), group.variables[dim])
        for path, group in groups.items()
        if dim in group.variables
    ]
    return bool(here) and all(
        own is not None and np.array_equal(own.values, variable.values) for own, variable in here
    )
