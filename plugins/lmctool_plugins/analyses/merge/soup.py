"""The weighted mean of networks, and how much each counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from torch import Tensor

    from lmctool.api import Weights

Shares = tuple[float, ...]
"""How much each network counts; not negative, with a sum above 0."""


def shares(weights: str | None, alphas: str | None, count: int) -> list[Shares]:
    """Return the shares of each merge that the options ask for; one of 1 each without any.

    Args:
        weights: a comma list of one number for each network, or None.
        alphas: a comma list of positions between two networks, or None.
        count: how many networks there are.

    Raises:
        LmctoolError: both are given, or one that doesn't fit.
    """
    if weights is not None and alphas is not None:
        raise LmctoolError("--weights and --alphas both say how much each counts; give one of them")
    if alphas is not None:
        if count != 2:
            raise LmctoolError(f"--alphas lie between two networks, not {count}; give --weights")
        listed = sorted(set(_numbers("--alphas", alphas)))
        if not 0 <= listed[0] <= listed[-1] <= 1:
            raise LmctoolError(f"--alphas must lie between 0 and 1, not {alphas!r}")
        return [(1 - alpha, alpha) for alpha in listed]
    if weights is None:
        return [(1.0,) * count]
    found = tuple(_numbers("--weights", weights))
    if len(found) != count:
        raise LmctoolError(f"--weights has {len(found)} numbers for {count} networks: {weights!r}")
    if min(found) < 0 or sum(found) == 0:
        raise LmctoolError(f"--weights must be 0 or more, and not all 0, unlike {weights!r}")
    return [found]


def _numbers(option: str, text: str) -> list[float]:
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = [math.nan]
    if not math.isfinite(sum(map(abs, found))):
        raise LmctoolError(f"{option} takes numbers like 0.25,0.75, not {text!r}")
    return found


def soup(networks: Sequence[Weights], counts: Shares) -> dict[str, Tensor]:
    """Return the weighted mean of networks, tensor by tensor.

    Sums are in float64, the result in the tensors' own dtype.  Where all networks that count
    agree to the bit it is their value to the bit; so one that counts alone is given back as it
    is.  Integer buffers have no mean and are those of the first network that counts.

    Args:
        networks: weights of the same names and shapes, on one device.
        counts: how much each counts.
    """
    held = [(own, count) for own, count in zip(networks, counts, strict=True) if count > 0]
    if len(held) == 1:
        return dict(held[0][0])
    return {
        name: blend([own[name] for own, _ in held], [count for _, count in held])
        for name in held[0][0]
    }


def blend(tensors: Sequence[Tensor], counts: Sequence[float]) -> Tensor:
    """Return the weighted mean of tensors; see ``soup``.

    Args:
        tensors: of one shape and dtype.
        counts: how much each counts, all above 0.
    """
    import torch

    first, *others = tensors
    if not first.is_floating_point():
        return first
    total = first.double() * counts[0]
    same = torch.ones_like(first, dtype=torch.bool)
    for tensor, count in zip(others, counts[1:], strict=True):
        total.add_(tensor.double(), alpha=count)
        same &= tensor == first
    # division may miss a value that all share by its last bit, and sums lose the sign of a zero
    return torch.where(same, first, (total / sum(counts)).to(first.dtype))


def distance(a: Weights, b: Weights, counted: Collection[str]) -> float:
    """Return the L2 distance of two networks, summed in float64.

    Args:
        a: one network.
        b: the other.
        counted: the floating tensors that take part.
    """
    squares = ((a[name].double() - b[name].double()).square().sum() for name in counted)
    return math.sqrt(sum(map(float, squares)))
