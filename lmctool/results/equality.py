"""Comparing two results value by value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmctool.results.result import Group, Result, Variable


def difference(one: Result, other: Result) -> str | None:
    """Return the name of the first thing in which two results differ, or None.

    Numbers are compared bit for bit, so NaN equals NaN and 0 differs from -0.  The order of
    groups, variables and attributes and the checkpoint beside a result do not count.
    """
    if one.analysis != other.analysis:
        return "the name of the analysis"
    if one.groups.keys() != other.groups.keys():
        return f"group {min(one.groups.keys() ^ other.groups.keys())!r}"
    for path, group in one.groups.items():
        if changed := _in_group(group, other.groups[path]):
            return f"{changed} of group {path!r}"
    return None


def _in_group(one: Group, other: Group) -> str | None:
    for kind, left, right in (
        ("variable", one.variables, other.variables),
        ("attribute", one.attributes, other.attributes),
    ):
        if left.keys() != right.keys():
            return f"{kind} {min(left.keys() ^ right.keys())!r}"
    for name, variable in one.variables.items():
        if not same(variable, other.variables[name]):
            return f"variable {name!r}"
    for name, value in one.attributes.items():
        if json.dumps(value) != json.dumps(other.attributes[name]):
            return f"attribute {name!r}"
    return None


def same(one: Variable, other: Variable) -> bool:
    """Tell whether two variables are the same, numbers bit for bit."""
    a, b = one.values, other.values
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    equal = np.array_equal(a, b) if a.dtype.kind == "O" else a.tobytes() == b.tobytes()
    words = ("dims", "unit", "long_name", "metric", "better")
    return equal and all(getattr(one, word) == getattr(other, word) for word in words)
