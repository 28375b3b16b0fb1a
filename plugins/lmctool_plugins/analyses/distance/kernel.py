"""Distances, norms and cosines, from squared norms that are summed already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmctool.api import Array


def measures(squares: Array) -> dict[str, Array]:
    """Return the measures of A against B.

    Args:
        squares: (..., square) the squared norms of A, B and A - B; what follows is left alone.

    Returns:
        (...) by name: ``l2``, ``relative``, ``symmetric``, ``cosine``, ``growth``, ``norm_a``,
        ``norm_b``.  NaN where a norm to divide by is 0.
    """
    return of_norms(*np.sqrt(np.moveaxis(squares[..., :3], -1, 0)))


def of_norms(a: Array, b: Array, distance: Array) -> dict[str, Array]:
    """Return the same from the norms of A, B and A - B."""
    return {
        "l2": distance,
        "relative": ratio(distance, a),
        "symmetric": ratio(distance, np.sqrt(a) * np.sqrt(b)),
        "cosine": cosine(a, b, distance),
        "growth": ratio(b, a) - 1,
        "norm_a": a,
        "norm_b": b,
    }


def travels(squares: Array) -> dict[str, Array]:
    """Return how far A and B lie from an origin O.

    Args:
        squares: (..., square) the squared norms of A, B, A - B, O, A - O and B - O.

    Returns:
        By name (..., end), for A and for B: ``travelled`` (L2), ``travelled_relative`` (of the
        norm of O) and ``travelled_symmetric``; and (...) ``travelled_cosine`` between A - O and
        B - O, and ``norm_origin``.  NaN where a norm to divide by is 0.
    """
    norms = np.sqrt(squares)
    return travels_of_norms(norms[..., :2], norms[..., 2], norms[..., 3], norms[..., 4:])


def travels_of_norms(
    ends: Array, apart: Array, origin: Array, travelled: Array
) -> dict[str, Array]:
    """Return the same from norms: (..., end) of A and B, of A - B, O, (..., end) E - O."""
    return {
        "travelled": travelled,
        "travelled_relative": ratio(travelled, origin[..., None]),
        "travelled_symmetric": ratio(travelled, np.sqrt(ends) * np.sqrt(origin)[..., None]),
        "travelled_cosine": cosine(travelled[..., 0], travelled[..., 1], apart),
        "norm_origin": origin,
    }


def cosine(a: Array, b: Array, apart: Array) -> Array:
    """Return the cosine of the angle between two vectors, by the law of cosines.

    Args:
        a: (...) the norm of the one.
        b: (...) the norm of the other.
        apart: (...) the norm of their difference.

    Returns:
        (...) within [-1, 1], NaN where a norm is 0.  It is off by the rounding of the norms, 1e-6
        at most, times the ratio of the greater norm to the smaller; for vectors that hardly
        differ, by that of what it lacks to 1.
    """
    return np.clip((ratio(a, b) + ratio(b, a) - ratio(apart, a) * ratio(apart, b)) / 2, -1, 1)


def ratio(values: Array, over: Array) -> Array:
    """Return values over others, NaN where these are 0; the shapes broadcast."""
    quotient = np.full(np.broadcast_shapes(values.shape, over.shape), np.nan)
    np.divide(values, over, out=quotient, where=over > 0)
    return quotient
