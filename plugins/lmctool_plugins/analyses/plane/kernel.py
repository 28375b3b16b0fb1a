"""Where points of a plane are: coordinates of its corners, the grid, and what lies within."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lmctool.api import Array

ROUNDING = 1e-9
"""By how much of a step a place may be off because of rounding."""
NOTHING = 1e-12
"""A share of a corner that is less is none."""
FLAT = 1e-6
"""A triangle whose height is less of its longest side from A is taken for a line."""


def products(differences: Iterable[Array]) -> Array:
    """Return the inner products of vectors whose values come in blocks.

    Args:
        differences: (vector, value) float64 each.

    Returns:
        (vector, vector) float64; 0 of no block at all.
    """
    total: Array | float = 0.0
    for block in differences:
        total = total + block @ block.T
    return np.asarray(total)


def corners(gram: Array) -> Array | None:
    """Return where A, B and C are, by Garipov et al. 2018 (appendix).

    A is the origin, B on the x axis, and C above it.

    Args:
        gram: (2, 2) inner products of B - A and C - A.

    Returns:
        (corner, axis) distances; None where the three lie on one line, or two are equal.
    """
    along = math.sqrt(gram[0, 0])
    longest = math.sqrt(gram.diagonal().max())
    if along <= FLAT * longest or longest == 0:
        return None
    x = gram[0, 1] / along
    height = math.sqrt(max(gram[1, 1] - x**2, 0.0))
    if height <= FLAT * longest:
        return None
    return np.array([[0.0, 0.0], [along, 0.0], [x, height]])


def marked_axis(low: float, high: float, mark: float, points: int) -> Array:
    """Return even places of which one is exactly 0 and one exactly a mark, as close as can be.

    Args:
        low: the least that must be reached, at most 0.
        high: the greatest, at least the mark.
        mark: a place above 0.
        points: how many places.

    Returns:
        (point,) rising; what is left over lies evenly before ``low`` and beyond ``high``.

    Raises:
        LmctoolError: there are too few places for that.
    """
    for parts in range(points - 1, 0, -1):
        before, between = _before(low, high, mark, parts)
        spare = points - 1 - before - between
        if spare >= 0:
            return (np.arange(points) - before - spare // 2) / parts * mark
    least = sum(_before(low, high, mark, 1)) + 1
    raise LmctoolError(
        f"--points {points} are too few for a grid that has A and B on it and reaches around the"
        f" checkpoints; give {least} or more, or a smaller --margin"
    )


def _before(low: float, high: float, mark: float, parts: int) -> tuple[int, int]:
    """Return how many steps lie between ``low`` and 0, and between 0 and ``high``."""
    step = mark / parts
    return math.ceil(-low / step - ROUNDING), math.ceil(high / step - ROUNDING)


def axis(low: float, high: float, points: int) -> Array:
    """Return even places of which one is exactly 0, as close as can be.

    Args:
        low: the least that must be reached, at most 0.
        high: the greatest, at least 0 and above ``low``.
        points: how many places, 3 or more.
    """
    steps = {
        max(-low / before if before else 0.0, high / after if after else 0.0): before
        for before, after in ((n, points - 1 - n) for n in range(points))
        if (before or low == 0) and (after or high == 0)
    }
    step = min(steps)
    return (np.arange(points, dtype=np.float64) - steps[step]) * step


def shares(x: Array, y: Array, places: Array) -> Array:
    """Return how much of each corner makes up points of the plane.

    Args:
        x: (...) coordinates.
        y: (...) likewise.
        places: (corner, axis) of three corners, the first at the origin, the second on the x axis.

    Returns:
        (..., corner) that sum to 1, below 0 beyond the side that a corner is opposite to; exactly
        1 and 0 at corners.
    """
    (_, (along, _), (across, height)) = places
    third = y / height
    second = (x - third * across) / along
    second = np.where(abs(second) < NOTHING, 0.0, second)
    first = 1 - second - third
    first = np.where(abs(first) < NOTHING, 0.0, first)
    return np.stack(np.broadcast_arrays(first, second, third), axis=-1)


def inside(counts: Array) -> NDArray[np.bool_]:
    """Return which points lie within the triangle, (...), its sides included."""
    return np.asarray((counts >= -ROUNDING).all(axis=-1))


def barrier(values: Array, counts: Array, ends: Array, definition: str) -> tuple[Array, Array]:
    """Return the greatest rise within a triangle over a reference.

    ``chord`` is the plane through the values of the corners, ``mean-ends`` their mean, ``max-end``
    the greatest of them.

    Args:
        values: (..., point) costs of points of the triangle, its corners among them.
        counts: (point, corner) how much of each corner they are.
        ends: (..., corner) the costs of the corners.
        definition: which reference.

    Returns:
        (...) the rise, NaN where a value is, and (...) the number of the point where it is.
    """
    match definition:
        case "chord":
            reference = ends @ counts.T
        case "mean-ends":
            reference = ends.mean(axis=-1, keepdims=True)
        case "max-end":
            reference = ends.max(axis=-1, keepdims=True)
        case _:
            raise ValueError(f"no definition of a barrier is called {definition!r}")
    rise = values - reference
    if definition == "chord":
        rise[..., (counts == 1).any(axis=-1)] = 0  # whatever rounding says
    peak = rise.argmax(axis=-1)
    return np.take_along_axis(rise, peak[..., None], axis=-1)[..., 0], peak
