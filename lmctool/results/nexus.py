"""The default plot of a result's file: attributes by which NeXus readers find one curve.

The root names the way to a group of class NXdata, which names its signal and the coordinate of each
of the signal's axes (NeXus manual, "Associating plottable data using attributes applied to the
NXdata group", since 2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.results.coordinates import NUMBERS

if TYPE_CHECKING:
    import h5py

    from lmctool.results.result import Group, Result, Variable

MARKS = frozenset({"NX_class", "default", "signal", "axes"})
"""Names of attributes that belong to NeXus, and are none of a result's own."""
FEWEST_POINTS = 3


def mark(file: h5py.File, result: Result) -> None:
    """Write the attributes that lead to the default plot of a result, if it has one."""
    import h5py

    plotted = default(result)
    if plotted is None:
        return
    path, name = plotted
    file.attrs["NX_class"] = "NXroot"
    group: h5py.Group = file
    for part in path.split("/"):
        group.attrs["default"] = part
        group = group[part]
        group.attrs["NX_class"] = "NXentry"
    group.attrs["NX_class"] = "NXdata"
    group.attrs["signal"] = name
    axes = list(result.groups[path].variables[name].dims)
    group.attrs.create("axes", axes, dtype=h5py.string_dtype())


def default(result: Result) -> tuple[str, str] | None:
    """Return group and name of what is plotted: the first curve, or else the first metric."""
    for wanted in (_is_curve, _is_metric):
        for path, group in result.groups.items():
            for name, variable in group.variables.items():
                if _has_axes(group, name, variable) and wanted(group, variable):
                    return path, name
    return None


def _has_axes(group: Group, name: str, variable: Variable) -> bool:
    """Tell whether a variable is one of numbers, beside the coordinate of each of its dims."""
    there = all(dim in group.variables for dim in variable.dims)
    return variable.values.dtype.kind in NUMBERS and name not in variable.dims and there


def _is_curve(group: Group, variable: Variable) -> bool:
    if not variable.dims or variable.values.shape[-1] < FEWEST_POINTS:
        return False
    return group.variables[variable.dims[-1]].values.dtype.kind in NUMBERS


def _is_metric(group: Group, variable: Variable) -> bool:
    return bool(variable.metric and variable.dims)
