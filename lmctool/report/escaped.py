"""A result with names that can be shown: those of an untrusted file may hold anything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.report.terminal import printable
from lmctool.results.result import Group, Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.results.result import Attribute, Variable


def escaped(result: Result) -> Result:
    """Return a result with an escape for every character of its texts that is not to be seen.

    Such a character may end an XML file, turn the direction of reading, or steer a terminal.
    """
    groups = {
        printable(path): Group(
            {printable(name): _variable(variable) for name, variable in group.variables.items()},
            {printable(name): _attribute(value) for name, value in group.attributes.items()},
        )
        for path, group in result.groups.items()
    }
    return Result(printable(result.analysis), groups, result.checkpoint)


def _variable(variable: Variable) -> Variable:
    return replace(
        variable,
        values=_values(variable.values),
        dims=tuple(map(printable, variable.dims)),
        unit=printable(variable.unit),
        long_name=printable(variable.long_name),
        metric=printable(variable.metric),
    )


def _values(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind != "O":
        return values
    flat = [printable(str(value)) for value in values.flat]
    return np.array(flat, dtype=object).reshape(values.shape)


def _attribute(value: Attribute) -> Attribute:
    if isinstance(value, str):
        return printable(value)
    return [_attribute(item) for item in value] if isinstance(value, list) else value  # type: ignore[return-value]
