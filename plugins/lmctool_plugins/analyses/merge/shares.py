"""How much each network counts in a mean, and how far each is from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool.api.advanced import positions

if TYPE_CHECKING:
    from collections.abc import Collection

    from lmctool.api import Weights

Shares = tuple[float, ...]
"""How much each network counts; of a mean not negative, with a sum above 0."""


def shares(
    weights: str | None,
    alphas: str | None,
    count: int,
    *,
    signed: bool = False,
    based: bool = False,
) -> list[Shares]:
    """Return the shares of each merge that the options ask for; one of 1 each without any.

    Args:
        weights: a comma list of one number for each network, or None.
        alphas: a comma list of positions between two networks, or from a base to one, or None.
        count: how many networks there are.
        signed: whether they may be below 0, as factors may and shares of a mean may not.
        based: whether there is a base beside them.

    Raises:
        LmctoolError: both are given, or one that doesn't fit.
    """
    if weights is not None and alphas is not None:
        raise LmctoolError("--weights and --alphas both say how much each counts; give one of them")
    if alphas is not None:
        if count == 1 and based:
            return [(alpha,) for alpha in positions(alphas)]
        if count != 2:
            raise LmctoolError(f"--alphas lie between two networks, not {count}; give --weights")
        return [(1 - alpha, alpha) for alpha in positions(alphas)]
    if weights is None:
        return [(1.0,) * count]
    counts = tuple(_numbers(weights))
    if len(counts) != count:
        raise LmctoolError(f"--weights has {len(counts)} numbers for {count} networks: {weights!r}")
    if signed:
        if not any(counts):
            raise LmctoolError(f"--weights must not all be 0, unlike {weights!r}")
    elif min(counts) < 0 or sum(counts) == 0:
        raise LmctoolError(f"--weights must be 0 or more, and not all 0, unlike {weights!r}")
    return [counts]


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = [math.nan]
    if not math.isfinite(sum(map(abs, numbers))):
        raise LmctoolError(f"--weights takes numbers like 0.25,0.75, not {text!r}")
    return numbers


def distance(a: Weights, b: Weights, counted: Collection[str]) -> float:
    """Return the L2 distance of two networks, summed in float64.

    Args:
        a: one network.
        b: the other.
        counted: the floating tensors that take part.
    """
    squares = ((a[name].double() - b[name].double()).square().sum() for name in counted)
    return math.sqrt(sum(map(float, squares)))
