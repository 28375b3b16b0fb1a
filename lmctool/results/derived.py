"""Whether what a result says in sum follows from what it holds in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.results.coordinates import NUMBERS, labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool.results.result import Group, Result, Variable

CLOSE = 1e-12
"""Of the greater of two numbers, or of 1: what another machine may round in another way."""


def contradiction(result: Result, derived: Mapping[str, Group]) -> str:
    """Return in words the first value that does not follow, what is stored and what follows.

    A variable that the result does not hold is passed over, and so are names and attributes.

    Args:
        result: a stored result.
        derived: groups by path that follow from its other groups.
    """
    for path, group in derived.items():
        stored = result.groups[path].variables if path in result.groups else {}
        for name, variable in group.variables.items():
            if name in stored:
                told = _unlike(result, path, name, stored[name], variable)
                if told:
                    return told
    return ""


def _unlike(result: Result, path: str, name: str, stored: Variable, due: Variable) -> str:
    what = stored.metric or f"{path}/{name}"
    if stored.dims != due.dims or stored.values.shape != due.values.shape:
        return f"{what} has shape {stored.values.shape}, but {due.values.shape} follows"
    wrong = _differing(stored.values, due.values)
    if not wrong.any():
        return ""
    place = tuple(int(index) for index in np.argwhere(wrong)[0])
    names = [
        labels(result, path, dim, size) for dim, size in zip(due.dims, wrong.shape, strict=True)
    ]
    where = ",".join(
        f"{dim}={own[index]}" for dim, own, index in zip(due.dims, names, place, strict=True)
    )
    at = f"[{where}]" if where else ""
    return f"{what}{at} is {stored.values[place]!s}, but {due.values[place]!s} follows"


def _differing(stored: NDArray[Any], due: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where values differ by more than rounding; NaN equals NaN."""
    if stored.dtype.kind not in NUMBERS or due.dtype.kind not in NUMBERS:
        return np.asarray(stored != due)
    a, b = (np.asarray(values, dtype=np.float64) for values in (stored, due))
    with np.errstate(invalid="ignore"):
        most = CLOSE * np.maximum(np.maximum(abs(a), abs(b)), 1)
        close = (abs(a - b) <= most) & np.isfinite(most)
    return np.asarray(~(close | (a == b) | (np.isnan(a) & np.isnan(b))))
