"""What moves in each of several alignments, as few arrays of a result, and one of them back.

Alignments of one model share its groups and tensors.  So ``permutations`` has these once, and what
moves over (alignment, ...).  Earlier versions had a group for each: ``permutations``,
``permutations/1``, and so on, as alignments of models that differ still have.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.equality import same
from lmctool.results.result import Group, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALIGNMENT = "alignment"
"""The dim of what a result has of each alignment, so that no aligner may use the name."""
OWN = frozenset({"moved", "distance", "condition"})
MOVES = ("permutation_", "map_")
"""How the arrays begin that hold a move or a map of one alignment."""


def numbers(alignments: Iterable[int]) -> Variable:
    """Return the coordinate of alignments, which are called by their places in a run's order."""
    names = np.array([str(number) for number in alignments], dtype=object)
    return Variable(names, (ALIGNMENT,), long_name=ALIGNMENT)


def together(place: str, each: Mapping[int, Group]) -> dict[str, Group]:
    """Return what a result holds of its alignments, by path.

    Args:
        place: the path of the group, ``permutations`` or ``transforms``.
        each: what ``permutation_group`` or ``transform_group`` made of alignments, by their
            numbers.
    """
    if len(each) < 2 or [*each] != [*range(len(each))] or not _are_alike([*each.values()]):
        return {f"{place}/{number}" if number else place: own for number, own in each.items()}
    first = each[0]
    variables = {ALIGNMENT: numbers(each)}
    for name, variable in first.variables.items():
        if _is_own(name):
            stack = np.stack([group.variables[name].values for group in each.values()])
            variable = replace(variable, values=stack, dims=(ALIGNMENT, *variable.dims))
        variables[name] = variable
    return {place: replace(first, variables=variables)}


def count(groups: Mapping[str, Group], place: str) -> int:
    """Return of how many alignments a result holds something at a place."""
    if place not in groups:
        return 0
    if alignments := groups[place].variables.get(ALIGNMENT):
        return len(alignments.values)
    held = 1
    while f"{place}/{held}" in groups:
        held += 1
    return held


def one(groups: Mapping[str, Group], place: str, number: int = 0) -> Group:
    """Return what a result holds of one alignment, as if it were the only one.

    Args:
        groups: the groups of the result.
        place: the path of the group.
        number: which alignment, from 0.

    Raises:
        KeyError: there is none of this number.
    """
    group = groups[place]
    if ALIGNMENT not in group.variables:
        return groups[f"{place}/{number}"] if number else group
    if not 0 <= number < len(group.variables[ALIGNMENT].values):
        raise KeyError(number)
    variables = {
        name: replace(variable, values=variable.values[number], dims=variable.dims[1:])
        if variable.dims[:1] == (ALIGNMENT,)
        else variable
        for name, variable in group.variables.items()
        if name != ALIGNMENT
    }
    return replace(group, variables=variables)


def _is_own(name: str) -> bool:
    return name in OWN or name.startswith(MOVES)


def _are_alike(groups: Sequence[Group]) -> bool:
    """Tell whether alignments differ in nothing but what moves."""
    first, *others = groups
    return all(
        first.variables.keys() == other.variables.keys()
        and first.attributes == other.attributes
        and all(
            _form(variable) == _form(other.variables[name])
            if _is_own(name)
            else same(variable, other.variables[name])
            for name, variable in first.variables.items()
        )
        for other in others
    )


def _form(variable: Variable) -> tuple[object, ...]:
    return variable.dims, variable.values.shape, variable.values.dtype
