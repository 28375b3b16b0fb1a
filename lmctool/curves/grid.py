"""The alphas at which a path is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


LEAST = 1e-6
"""How far from both ends at least one alpha must lie."""


def grid_options(points: int = 25) -> tuple[click.Option, click.Option]:
    """Return the options ``--points`` and ``--alphas``, as ``grid`` takes their values.

    Args:
        points: the standard number of points; odd, so that 0.5 is one of them.
    """
    return (
        click.Option(
            ["--points"],
            type=click.IntRange(min=3),
            default=points,
            show_default=True,
            help="Number of points on the path, including both ends.",
        ),
        click.Option(
            ["--alphas"],
            metavar="A,A,…",
            help="Evaluate at these alphas, and at 0 and 1, instead of at --points.",
        ),
    )


def grid(points: int, alphas: str | None) -> NDArray[np.float64]:
    """Return the alphas to evaluate: those listed with 0 and 1, or evenly spaced ones.

    Args:
        points: how many, when none are listed.
        alphas: a comma list of numbers.

    Returns:
        (alpha,) rising from exactly 0 to exactly 1.

    Raises:
        LmctoolError: an alpha is no number of [0, 1], or none lies between the ends.
    """
    import numpy as np

    if alphas is None:
        # symmetric to the last bit, and 0.5 exactly when the number of points is odd
        return np.array([k / (points - 1) for k in range(points)])
    return np.array(sorted({0.0, *positions(alphas), 1.0}))


def positions(alphas: str) -> list[float]:
    """Return the numbers of a comma list of alphas, rising, each once.

    Raises:
        LmctoolError: one is no number of [0, 1], or none is more than ``LEAST`` from both ends,
            where float32 no longer tells a network from the end itself.
    """
    try:
        listed = sorted({float(word) for word in alphas.split(",")})
    except ValueError as cause:
        raise LmctoolError(f"--alphas takes numbers like 0.25,0.5, not {alphas!r}") from cause
    if not all(0 <= value <= 1 for value in listed):
        raise LmctoolError(f"--alphas must lie between 0 and 1, not {alphas!r}")
    if not any(LEAST < value < 1 - LEAST for value in listed):
        raise LmctoolError(f"--alphas must name a position between 0 and 1, not {alphas!r}")
    return listed
