"""Metrics: the numbers of a result by their public names."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.results.bounds import BOUNDS
from lmctool.results.coordinates import NUMBERS, labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.results.result import Better, Result, Variable

ESTIMATED = "estimated"
"""The attribute of a group whose metrics are estimated on a share of the examples."""
QUOTED = ',]"'
"""Characters that a coordinate can only have in quotes."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a result.

    Attributes:
        name: its public name, such as ``barrier.error``.
        where: the coordinate of each of its dims, in their order.
        value: None for NaN and infinities.
        unit: ``"1"`` for plain numbers and fractions.
        better: ``"lower"``, ``"higher"``, or ``""`` where neither way is better.
        interval: what it lies between, where it is estimated on a share of the examples;
            infinities where nobody knows.  None for what was measured.
    """

    name: str
    where: Mapping[str, str]
    value: float | None
    unit: str
    better: Better = ""
    interval: tuple[float, float] | None = None

    @property
    def full_name(self) -> str:
        """The name with its coordinates, such as ``barrier.error[variant=plain,split=test]``."""
        return full_name(self.name, self.where)


def full_name(name: str, where: Mapping[str, str]) -> str:
    """Return ``name[dim=coordinate,...]``, or just the name where there are no dims.

    >>> full_name("distance.l2", {"layer": "conv1", "of": "a,b"})
    'distance.l2[layer=conv1,of="a,b"]'
    """
    inside = ",".join(f"{dim}={_quoted(value)}" for dim, value in where.items())
    return f"{name}[{inside}]" if inside else name


def listed(result: Result) -> list[Metric]:
    """Return every element of every metric of a result.

    Raises:
        LmctoolError: two variables give the same name.
    """
    by_name: dict[str, Metric] = {}
    estimated: set[str] = set()
    for path, group in result.groups.items():
        for variable in group.variables.values():
            for metric in elements(result, path, variable):
                if metric.full_name in by_name:
                    raise LmctoolError(f"the result holds metric {metric.full_name!r} twice")
                by_name[metric.full_name] = metric
                if group.attributes.get(ESTIMATED) and not variable.metric.endswith(BOUNDS):
                    estimated.add(metric.full_name)
    return [
        replace(metric, interval=_interval(metric, by_name)) if name in estimated else metric
        for name, metric in by_name.items()
    ]


def metrics(result: Result) -> dict[str, float | None]:
    """Return the value of every element of every metric of a result, by its full name.

    Raises:
        LmctoolError: two variables give the same name.
    """
    return {metric.full_name: metric.value for metric in listed(result)}


def elements(result: Result, path: str, variable: Variable) -> Iterator[Metric]:
    """Yield each element of one variable, if it is a metric."""
    if not variable.metric or variable.values.dtype.kind not in NUMBERS:
        return
    axes = [
        [(dim, name) for name in labels(result, path, dim, length)]
        for dim, length in zip(variable.dims, variable.values.shape, strict=True)
    ]
    for position, value in zip(product(*axes), variable.values.flat, strict=True):
        number = float(value) if math.isfinite(value) else None
        yield Metric(variable.metric, dict(position), number, variable.unit, variable.better)


def _interval(metric: Metric, others: Mapping[str, Metric]) -> tuple[float, float]:
    """Return the bounds of a metric that other metrics of a result are, or infinities."""
    names = (full_name(f"{metric.name}.{bound}", metric.where) for bound in BOUNDS)
    lower, upper = (others[name].value if name in others else None for name in names)
    if lower is None or upper is None:
        return -math.inf, math.inf
    return lower, upper


def _quoted(value: str) -> str:
    odd = any(character in value for character in QUOTED) or value != value.strip() or not value
    return '"' + value.replace('"', "'") + '"' if odd else value
