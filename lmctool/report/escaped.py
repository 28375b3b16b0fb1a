"""A result with names that can be shown: those of an untrusted file may hold anything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.report.terminal import printable
from lmctool.results.result import Group, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lmctool.results.result import Attribute, Variable

    Change = Callable[[str], str]


def escaped(result: Result) -> Result:
    """Return a result with an escape for every character of its texts that is not to be seen.

    Such a character may end an XML file, turn the direction of reading, or steer a terminal.
    """
    return _changed(result, printable)


def without_mathematics(result: Result) -> Result:
    """Return a result with an escape for what Matplotlib takes for the beginning of a formula."""
    return _changed(result, lambda text: text.replace("$", r"\$"))


def _changed(result: Result, change: Change) -> Result:
    groups = {
        change(path): Group(
            {change(name): _variable(each, change) for name, each in group.variables.items()},
            {change(name): _attribute(value, change) for name, value in group.attributes.items()},
        )
        for path, group in result.groups.items()
    }
    return Result(change(result.analysis), groups, result.checkpoint)


def _variable(variable: Variable, change: Change) -> Variable:
    return replace(
        variable,
        values=_values(variable.values, change),
        dims=tuple(map(change, variable.dims)),
        unit=change(variable.unit),
        long_name=change(variable.long_name),
        metric=change(variable.metric),
    )


def _values(values: NDArray[Any], change: Change) -> NDArray[Any]:
    if values.dtype.kind != "O":
        return values
    flat = [change(str(value)) for value in values.flat]
    return np.array(flat, dtype=object).reshape(values.shape)


def _attribute(value: Attribute, change: Change) -> Attribute:
    if isinstance(value, str):
        return change(value)
    return [_attribute(item, change) for item in value] if isinstance(value, list) else value  # type: ignore[return-value]
