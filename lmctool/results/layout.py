"""The layout of a result in its file: what is stored where, worked out before anything is written.

Readers of the netCDF-4 data model need one dimension scale for every axis, in the same group or
a parent of it; a dim name means one scale along a line of groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.results.attributes import plain
from lmctool.results.coordinates import lineage
from lmctool.results.nexus import MARKS
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes.

    Attributes:
        result: the result in the types that a file can hold.
        homes: the group that holds the scale of a (group, dim).
        indexes: the length of each scale, by (group, dim), that no coordinate provides.
    """

    result: Result
    homes: Mapping[tuple[str, str], str]
    indexes: Mapping[tuple[str, str], int]


def plan(result: Result) -> Layout:
    """Work out the layout of a result.

    Raises:
        ValueError: names, dims or types that no file can hold, such as a dim with two lengths.
        LmctoolError: text that no file can hold.
    """
    stored = Result(
        result.analysis, {path: _group(path, group) for path, group in result.groups.items()}
    )
    homes: dict[tuple[str, str], str] = {}
    indexes: dict[tuple[str, str], int] = {}
    for path in sorted(stored.groups, key=lambda path: path.count("/")):
        for dim, length in _lengths(path, stored.groups[path]).items():
            homes[path, dim] = _home(stored, indexes, path, dim, length)
            if homes[path, dim] == path and dim not in stored.groups[path].variables:
                indexes[path, dim] = length
    return Layout(stored, homes, indexes)


def _home(
    result: Result, indexes: Mapping[tuple[str, str], int], path: str, dim: str, length: int
) -> str:
    """Return the group that holds the scale of a dim; scales along its line must agree."""
    home = path
    own = result.groups[path].variables.get(dim)
    for place in lineage(path):
        scale = result.groups[place].variables.get(dim) if place in result.groups else None
        size = len(scale.values) if scale is not None else indexes.get((place, dim))
        if place == path or size is None:
            continue
        if size != length:
            raise ValueError(f"dim {dim!r} has {length} places in {path!r} but {size} in {place!r}")
        if own is not None and (scale is None or not np.array_equal(scale.values, own.values)):
            raise ValueError(f"dim {dim!r} has other coordinates in {path!r} than in {place!r}")
        if own is None and home == path:
            home = place
    return home


def _lengths(path: str, group: Group) -> dict[str, int]:
    """Return the length of each dim of a group, after checking that it has but one."""
    lengths: dict[str, int] = {}
    for name, variable in group.variables.items():
        where = f"variable {name!r} of {path!r}"
        if len(set(variable.dims)) < len(variable.dims):
            raise ValueError(f"{where} has the same dim twice: {variable.dims}")
        if variable.values.ndim != len(variable.dims):
            raise ValueError(f"{where} has dims {variable.dims} for {variable.values.ndim} axes")
        for dim, length in zip(variable.dims, variable.values.shape, strict=True):
            _check_name(dim)
            if lengths.setdefault(dim, length) != length:
                raise ValueError(f"dim {dim!r} of {path!r} has {length} and {lengths[dim]} places")
    for dim in lengths:
        if dim in group.variables and group.variables[dim].dims != (dim,):
            raise ValueError(f"variable {dim!r} of {path!r} is named like a dim but is no scale")
    return lengths


def _group(path: str, group: Group) -> Group:
    for name in [*path.split("/"), *group.variables, *group.attributes]:
        _check_name(name)
    for name in sorted(group.attributes.keys() & MARKS):
        raise ValueError(f"attribute {name!r} of {path!r} has a name that NeXus gives a meaning")
    for name in group.variables.keys() & group.attributes.keys():
        raise ValueError(f"{name!r} is both a variable and an attribute of {path!r}")
    return Group(
        {name: _variable(name, variable) for name, variable in group.variables.items()},
        {name: plain(value) for name, value in group.attributes.items()},
    )


def _variable(name: str, variable: Variable) -> Variable:
    values = _storable(name, np.asarray(variable.values))
    return replace(variable, values=values, dims=tuple(variable.dims))


def _storable(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return the values in a type that every reader knows, changing none of them."""
    if values.dtype.kind == "U":
        values = values.astype(object)
    if values.dtype.kind == "O":
        for number, value in enumerate(values.flat):
            if not isinstance(value, str):
                place = ", ".join(map(str, np.unravel_index(number, values.shape)))
                raise ValueError(
                    f"variable {name!r} holds a value of type {type(value).__name__} at [{place}];"
                    " an array of objects can hold text (str) alone"
                )
            _check_text(name, value)
        return values
    if values.dtype == np.float16:
        return values.astype(np.float32)
    if values.dtype.kind in "biu" or (values.dtype.kind == "f" and values.dtype.itemsize <= 8):
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    raise ValueError(f"variable {name!r} has type {values.dtype}, which no file can hold")


def _check_name(name: str) -> None:
    if not name or "/" in name or name.startswith(("_", ".")) or not name.isprintable():
        raise ValueError(f"{name!r} is no name for a group, a variable, a dim or an attribute")


def _check_text(name: str, value: str) -> None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise LmctoolError(f"{name} {value!r} cannot be stored: it is no valid Unicode text")
