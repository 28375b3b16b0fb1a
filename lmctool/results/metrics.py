"""Metrics: the numbers of a result by their public names."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.results.coordinates import NUMBERS, labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.results.result import Result, Variable


def metrics(result: Result) -> dict[str, float | None]:
    """Return every element of every metric of a result, by name.

    An element is called ``name[dim=coordinate,...]`` in the order of its dims, such as
    ``barrier.error[variant=align+repair,split=test]``, and a scalar just ``name``.  NaN and
    infinities are None.

    Raises:
        LmctoolError: two variables give the same name.
    """
    found: dict[str, float | None] = {}
    for path, group in result.groups.items():
        for variable in group.variables.values():
            for name, value in elements(result, path, variable):
                if name in found:
                    raise LmctoolError(f"the result holds metric {name!r} twice")
                found[name] = value
    return found


def elements(result: Result, path: str, variable: Variable) -> Iterator[tuple[str, float | None]]:
    """Yield the full name and the value of each element of one variable, if it is a metric."""
    if not variable.metric or variable.values.dtype.kind not in NUMBERS:
        return
    axes = [
        [f"{dim}={name}" for name in labels(result, path, dim, length)]
        for dim, length in zip(variable.dims, variable.values.shape, strict=True)
    ]
    for position, value in zip(product(*axes), variable.values.flat, strict=True):
        where = f"[{','.join(position)}]" if position else ""
        number = float(value)
        yield f"{variable.metric}{where}", number if math.isfinite(number) else None
