"""Where the values of two results deviate from each other, and by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.results import provenance
from lmctool.results.coordinates import NUMBERS, labels
from lmctool.results.result import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lmctool.results.result import Result, Variable

SAME = ("dims", "unit", "metric")
"""Attributes that must be equal before the values of two variables can be compared."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How one variable deviates.

    Attributes:
        path: the variable, such as ``barrier/curve/loss``.
        elements: its elements, in the first result that has it.
        differing: how many of them differ bit for bit; all where the two cannot be compared.
        greatest: the greatest absolute difference; NaN where a value is no number in just one of
            the two, where values are text, and where the two cannot be compared.
        where: the coordinates of the greatest, such as ``variant=plain,alpha=0.5``; empty for a
            variable without dims, and where the two cannot be compared.
        message: all this in one sentence.
        alone: whether only one of the two has it.
    """

    path: str
    elements: int
    differing: int
    greatest: float
    where: str
    message: str
    alone: bool = False


def deviations(one: Result, other: Result) -> list[Deviation]:
    """Return the variables in which two results differ bit for bit, in the order of the first.

    NaN equals NaN, and 0 differs from -0.  A variable that only one has, or that has another
    shape, type, unit, metric or other dims, is one that cannot be compared.  The provenance, long
    names and attributes do not count.
    """
    different = []
    for path in _united(one.groups, other.groups):
        if path.partition("/")[0] == provenance.GROUP:
            continue
        left, right = (each.groups.get(path, Group()).variables for each in (one, other))
        for name in _united(left, right):
            deviation = _compared(one, path, name, left.get(name), right.get(name))
            if deviation is not None:
                different.append(deviation)
    return different


def _united(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))


def _compared(
    result: Result, path: str, name: str, one: Variable | None, other: Variable | None
) -> Deviation | None:
    place = f"{path}/{name}"
    there = one or other
    size = int(there.values.size) if there else 0
    if one is None or other is None:
        which = "second" if one is None else "first"
        message = f"{place} is only in the {which} result"
        return Deviation(place, size, size, math.nan, "", message, alone=True)
    a, b = _plain(one.values), _plain(other.values)
    for word, left, right in (
        *((word, getattr(one, word), getattr(other, word)) for word in SAME),
        ("shape", a.shape, b.shape),
        ("type", a.dtype, b.dtype),
    ):
        if left != right:
            return _incomparable(place, size, f"has {word} {_text(left)} and {_text(right)}")
    unlike = _unlike(a, b)
    if not unlike.any():
        return None
    return _most(place, _coordinates(result, path, one), a, b, unlike)


def _incomparable(place: str, size: int, why: str) -> Deviation:
    return Deviation(place, size, size, math.nan, "", f"{place} {why}")


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as their file holds them."""
    return values.astype(np.int8) if values.dtype == bool else values


def _unlike(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where values differ."""
    if a.dtype.kind != "f":
        return np.asarray(a != b)
    missing = np.isnan(a) & np.isnan(b)
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(~(same | missing))


def _most(
    place: str, names: list[list[str]], a: NDArray[Any], b: NDArray[Any], unlike: NDArray[np.bool_]
) -> Deviation:
    """Return the deviation of two variables of one shape, located where it is greatest."""
    distance = np.where(unlike, _distance(a, b), -1.0)
    index = np.unravel_index(int(np.argmax(distance)), a.shape)  # the first NaN, if there is one
    where = ",".join(label[number] for label, number in zip(names, index, strict=True))
    differing = int(unlike.sum())
    values = f"{_text(a[index])} and {_text(b[index])}"
    if where:
        message = f"{place} differs in {differing} of {a.size} values, most at {where}: {values}"
    else:
        message = f"{place} is {values}"
    return Deviation(place, int(a.size), differing, float(distance[index]), where, message)


def _distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far values are apart; NaN for text and where one is no number."""
    if a.dtype.kind not in NUMBERS:
        return np.full(a.shape, np.nan)
    if a.dtype.kind != "f":  # as unsigned: the distance of two int64 may be no int64
        low, high = (
            np.atleast_1d(each(a, b)).astype(np.uint64) for each in (np.minimum, np.maximum)
        )
        return (high - low).astype(np.float64).reshape(a.shape)
    with np.errstate(invalid="ignore", over="ignore"):  # equal infinities are not looked at
        return np.asarray(abs(a.astype(np.float64) - b.astype(np.float64)))


def _coordinates(result: Result, path: str, variable: Variable) -> list[list[str]]:
    """Return for every axis the coordinate of each place along it."""
    return [
        [f"{dim}={name}" for name in labels(result, path, dim, length)]
        for dim, length in zip(variable.dims, variable.values.shape, strict=True)
    ]


def _text(value: object) -> str:
    """Return a value as text: the shortest in which two floats still differ."""
    if isinstance(value, np.generic):
        return str(value)
    return repr(value) if isinstance(value, str) else str(value)
