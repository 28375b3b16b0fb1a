"""Arithmetic on task vectors: what fine-tuning has added to the tensors of a base.

A task vector is tau_i = theta_i - theta_base (Ilharco et al. 2023, arXiv:2212.04089, section 2).
All sums are in float64.  A factor w_i below 0 negates a task vector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def task_vector(tensor: Tensor, base: Tensor) -> Tensor:
    """Return what a tensor has beyond the base's, in float64."""
    return tensor.double() - base.double()


def summed(vectors: Sequence[Callable[[], Tensor]], factors: Sequence[float]) -> Tensor:
    """Return ``sum_i w_i tau_i``, float64.

    Args:
        vectors: what makes each task vector, float64 of one shape; it is asked for once.
        factors: w_i.
    """
    import torch

    first, *others = zip(vectors, factors, strict=True)
    total = first[0]() * first[1]
    for make, factor in others:
        torch.add(total, make(), alpha=factor, out=total)
    return total


def disjoint_mean(vectors: Sequence[Callable[[], Tensor]], factors: Sequence[float]) -> Tensor:
    """Return the mean of those task vectors, element by element, that have the elected sign.

    The sign of an element is that of ``sum_i w_i tau_i`` (Yadav et al. 2023, arXiv:2306.01708,
    section 4, "elect"); of the vectors that have it there, the mean is
    ``sum_i w_i tau_i / sum_i |w_i|`` ("disjoint merge"), which with equal factors of 1 is the
    paper's.  Where they cancel to the bit, or all are 0, there is no sign, and the mean is 0.

    Args:
        vectors: what makes each task vector, float64 of one shape; it is asked for twice.
        factors: w_i, none 0.

    Returns:
        Float64, of that shape.
    """
    import torch

    sign = summed(vectors, factors).sign()
    total, weight = torch.zeros_like(sign), torch.zeros_like(sign)
    for make, factor in zip(vectors, factors, strict=True):
        part = make() * factor
        agrees = (part.sign() == sign) & (sign != 0)
        total += torch.where(agrees, part, 0)
        weight += agrees * abs(factor)
    return torch.where(weight > 0, total / weight, 0)


def added(base: Tensor, update: Tensor, scale: float = 1.0) -> Tensor:
    """Return ``base + scale update``, rounded once to the base's dtype.

    Where the update is 0 it is the base to the bit.

    Args:
        base: a tensor of floats.
        update: float64, of its shape.
        scale: what the update is multiplied by.
    """
    import torch

    moved = (base.double() + scale * update).to(base.dtype)
    return torch.where(update == 0, base, moved)
