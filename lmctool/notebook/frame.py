"""Results as frames of pandas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError, did_you_mean
from lmctool.notebook.extras import library
from lmctool.results.coordinates import coordinate
from lmctool.results.metrics import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from lmctool.results.result import Result, Variable

OWN = ("metric", "value", "unit", "better")
"""The columns of a frame of metrics that are no coordinates."""


def metrics_frame(result: Result) -> pd.DataFrame:
    """Return a row for each metric: its name, its coordinates, its value, its unit, which way.

    A coordinate that a metric does not have is None; a value that is no finite number is NaN.
    """
    metrics = listed(result)
    dims = list(dict.fromkeys(dim for metric in metrics for dim in metric.where))
    columns: dict[str, list[Any]] = {"metric": [metric.name for metric in metrics]}
    for dim in dims:
        head = f"{dim}_" if dim in OWN else dim
        columns[head] = [metric.where.get(dim) for metric in metrics]
    columns["value"] = [math.nan if each.value is None else each.value for each in metrics]
    columns["unit"] = [metric.unit for metric in metrics]
    columns["better"] = [metric.better for metric in metrics]
    frame: pd.DataFrame = library("pandas").DataFrame(columns)
    return frame


def group_frame(result: Result, path: str) -> pd.DataFrame:
    """Return a row for each place in the dims of a group, or of one array.

    Raises:
        LmctoolError: the result has no such group or array.
    """
    place = path.strip("/")
    if place in result.groups:
        variables = result.groups[place].variables
    else:
        place, _, name = place.rpartition("/")
        group = result.groups.get(place)
        if group is None or name not in group.variables:
            near = did_you_mean(path, list(result.groups))
            known = ", ".join(each for each, own in result.groups.items() if own.variables)
            raise LmctoolError(f"the result has no group {path!r}; {near}it has {known}")
        variables = {name: group.variables[name]}
    arrays = {n: each for n, each in variables.items() if each.dims != (n,)} or variables
    shape = _common(arrays)
    taken = {name: each for name, each in arrays.items() if set(each.dims) <= shape.keys()}
    columns = {
        dim: _spread(_positions(result, place, dim, size), (dim,), shape)
        for dim, size in shape.items()
    }
    columns |= {name: _spread(each.values, each.dims, shape) for name, each in taken.items()}
    frame: pd.DataFrame = library("pandas").DataFrame(columns)
    frame.attrs["left_out"] = tuple(name for name in arrays if name not in taken)
    return frame


def _common(variables: Mapping[str, Variable]) -> dict[str, int]:
    """Return the dims, with their lengths, that most of some arrays are over; the most dims."""
    shapes = [dict(zip(each.dims, each.values.shape, strict=True)) for each in variables.values()]
    fitting = [sum(other.keys() <= shape.keys() for other in shapes) for shape in shapes]
    best = max(
        range(len(shapes)), key=lambda index: (fitting[index], len(shapes[index])), default=None
    )
    return {} if best is None else shapes[best]


def _positions(result: Result, path: str, dim: str, size: int) -> NDArray[Any]:
    """Return the coordinate of a dim, or else its indices."""
    names = coordinate(result, path, dim)
    return np.arange(size) if names is None else names.values


def _spread(values: NDArray[Any], dims: tuple[str, ...], shape: Mapping[str, int]) -> NDArray[Any]:
    """Return the values of an array at each place of a wider one, flat."""
    order = [dims.index(dim) for dim in shape if dim in dims]
    lengths = [size if dim in dims else 1 for dim, size in shape.items()]
    there = values.transpose(order).reshape(lengths)
    return np.broadcast_to(there, tuple(shape.values())).ravel()
