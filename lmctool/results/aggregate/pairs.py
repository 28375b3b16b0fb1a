"""The pairs of networks that one result is of, each as a result by itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.results.aggregate.side_by_side import Member, kept, places
from lmctool.results.coordinates import coordinate
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIR = "pair"
BOTH = ("checkpoint", "other")
"""The dims of what is measured of each two networks, both ways."""


def pairs(result: Result, name: str) -> tuple[list[Member], int]:
    """Return each pair of a result of many networks, in order, and how many networks there are.

    Of a pair there are the arrays over (..., checkpoint, other, ...), which are the same both ways,
    and those over (..., pair, ...); what is of one network or of all together is left out.

    Raises:
        LmctoolError: it is not a result of all pairs of networks.
    """
    variables = kept(result)
    square = next(((path, v) for (path, _), v in variables.items() if set(BOTH) <= {*v.dims}), None)
    if square is None:
        raise LmctoolError(
            f"result '{name}' is of analysis {result.analysis!r}, which has no pairs of networks to"
            " average over; lmctool matrix has"
        )
    names = coordinate(result, square[0], BOTH[0])
    count = square[1].values.shape[square[1].dims.index(BOTH[0])]
    called = [str(n) for n in (range(count) if names is None else names.values)]
    found = []
    for number, (i, j) in enumerate(combinations(range(count), 2)):
        groups: dict[str, Group] = {}
        for (path, key), variable in variables.items():
            own = _of_pair(variable, (i, j), number, f"{path}/{key} of result '{name}'")
            if own is not None:
                before = groups.get(path, Group({}, result.groups[path].attributes))
                held = {**before.variables, **places(result, path, own.dims), key: own}
                groups[path] = replace(before, variables=held)
        found.append(Member(f"{called[i]} | {called[j]}", replace(result, groups=groups)))
    return found, count


def _of_pair(
    variable: Variable, networks: tuple[int, int], number: int, what: str
) -> Variable | None:
    """Return what an array says of one pair; None if it is not about pairs.

    Raises:
        LmctoolError: it is not the same both ways.
    """
    dims, values = variable.dims, variable.values
    if PAIR in dims:
        taken = np.take(values, number, axis=dims.index(PAIR))
    elif set(BOTH) <= {*dims}:
        square = np.moveaxis(values, [dims.index(dim) for dim in BOTH], (0, 1))
        taken = square[networks]
        if not np.array_equal(taken, square[networks[::-1]], equal_nan=True):
            raise LmctoolError(f"{what} is not the same both ways, so pairs have no one value")
    else:
        return None
    rest: Sequence[str] = [dim for dim in dims if dim not in (PAIR, *BOTH)]
    return replace(variable, values=np.asarray(taken), dims=tuple(rest))
