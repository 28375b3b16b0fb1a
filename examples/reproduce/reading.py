"""Reading numbers out of stored results by the names of their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.results.file import read

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.results.result import Result


def pick(path: Path, name: str, **where: object) -> NDArray[Any]:
    """Return a variable of a result at some places of its coordinates.

    Args:
        path: the HDF5 file.
        name: ``GROUP/VARIABLE``, such as ``barrier/summary/error``.
        where: the coordinate of the place that is wanted, by dim; numbers are met to 1e-9.  A dim
            with a single place needs none.

    Returns:
        The values over the dims that are left, in the variable's order.

    Raises:
        LmctoolError: there is no such variable, or no such place.
    """
    result = read(path)
    group, _, short = name.rpartition("/")
    if group not in result.groups or short not in result.groups[group].variables:
        raise LmctoolError(f"result '{path.name}' has no variable {name!r}")
    variable = result.groups[group].variables[short]
    index: list[int | slice] = []
    for dim, size in zip(variable.dims, variable.values.shape, strict=True):
        if dim in where:
            index.append(_place(result, group, dim, where[dim]))
        else:
            index.append(0 if size == 1 else slice(None))
    if strange := where.keys() - set(variable.dims):
        raise LmctoolError(f"variable {name!r} has dims {variable.dims}, not {sorted(strange)}")
    return np.asarray(variable.values[tuple(index)])


def value(path: Path, name: str, **where: object) -> float:
    """Return one number of a result.

    Raises:
        LmctoolError: there is no such variable or place, or more than one number is there.
    """
    found = pick(path, name, **where)
    if found.size != 1:
        raise LmctoolError(f"variable {name!r} has {found.shape} numbers there, not one")
    return float(found.item())


def text(path: Path, name: str, **where: object) -> str:
    """Return one text of a result, such as the shape of a curve."""
    return str(pick(path, name, **where).item())


def _place(result: Result, group: str, dim: str, wanted: object) -> int:
    """Return where a coordinate of a group, or of one of its parents, has a value."""
    home = group
    while home and dim not in getattr(result.groups.get(home), "variables", ()):
        home = home.rpartition("/")[0]
    if not home:
        raise LmctoolError(f"group {group!r} has no coordinate {dim!r}")
    values = result.groups[home].variables[dim].values
    if isinstance(wanted, int | float) and values.dtype.kind in "iuf":
        found = np.flatnonzero(np.isclose(values.astype(float), float(wanted), rtol=0, atol=1e-9))
    else:
        found = np.flatnonzero(values == wanted)
    if not len(found):
        raise LmctoolError(f"{dim} {wanted!r} is not among {values.tolist()}")
    return int(found[0])
