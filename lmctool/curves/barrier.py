"""The height of a barrier, from curves that are there.

theta(alpha) = (1 - alpha) A + alpha B.  The barrier is the greatest rise over a reference:

    chord      L(theta) - [(1 - alpha) L(A) + alpha L(B)]   Entezari et al. 2022, arXiv:2110.06296;
                                                            Jordan et al. 2023, equation 1
    mean-ends  L(theta) - [L(A) + L(B)] / 2                 Frankle et al. 2020, arXiv:1912.05671
    max-end    L(theta) - max(L(A), L(B))

over the grid of alphas, which bounds the true barrier from below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def definition_option() -> click.Option:
    """Return the option ``--definition``."""
    return click.Option(
        ["--definition"],
        type=click.Choice(["chord", "mean-ends", "max-end"]),
        default="chord",
        show_default=True,
        help="Reference below the barrier: the chord between the ends' losses, their mean, or the"
        " greater one.",
    )


def reference(alpha: Array, values: Array, definition: str) -> Array:
    """Return what a curve is measured against at each alpha.

    Args:
        alpha: (alpha,) rising from 0 to 1.
        values: (..., alpha) loss or error.
        definition: which barrier.

    Returns:
        (..., alpha) in the unit of the values.
    """
    import numpy as np

    first, last = values[..., :1], values[..., -1:]
    match definition:
        case "chord":
            return first + alpha * (last - first)
        case "mean-ends":
            return np.broadcast_to((first + last) / 2, values.shape)
        case "max-end":
            return np.broadcast_to(np.maximum(first, last), values.shape)
        case _:
            raise ValueError(f"no definition of a barrier is called {definition!r}")


def barrier(alpha: Array, values: Array, definition: str) -> tuple[Array, Array]:
    """Return the height of the barrier of each curve, and the alpha it stands at.

    Args:
        alpha: (alpha,) rising from exactly 0 to exactly 1.
        values: (..., alpha) loss or error.
        definition: which barrier.

    Returns:
        (...) the greatest rise over the reference, and (...) its alpha (the first of several).

    Raises:
        ValueError: the alphas don't run from 0 to 1, or are not those of the values.
    """
    import numpy as np

    if len(alpha) < 2 or alpha[0] != 0 or alpha[-1] != 1 or (np.diff(alpha) <= 0).any():
        raise ValueError(f"alphas must rise from 0 to 1, not {alpha}")
    if values.shape[-1:] != alpha.shape:
        raise ValueError(f"values {values.shape} do not stand at {len(alpha)} alphas")
    rise = values - reference(alpha, values, definition)
    if definition == "chord":
        rise[..., [0, -1]] = 0  # the chord meets the curve at its ends, whatever rounding says
    peak = rise.argmax(axis=-1)
    return np.take_along_axis(rise, peak[..., None], axis=-1)[..., 0], alpha[peak]


def around(alpha: Array, peaks: Array, parts: int = 4) -> Array:
    """Return new alphas that divide the intervals beside each peak, (alpha,) rising.

    Args:
        alpha: (alpha,) the grid.
        peaks: alphas of the grid at which curves are greatest.
        parts: how many parts each interval is divided into.
    """
    import numpy as np

    alphas: set[float] = set()
    for place in np.searchsorted(alpha, np.unique(peaks)):
        for left in (place - 1, place):
            if 0 <= left < len(alpha) - 1:
                alphas.update(np.linspace(alpha[left], alpha[left + 1], parts + 1)[1:-1].tolist())
    return np.array(sorted(alphas), dtype=np.float64)
