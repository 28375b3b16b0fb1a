"""The weighted mean of networks: a model soup, or a point of the plane through three of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.weights.arithmetic import refuse_differing, refuse_masks
from lmctool.weights.spectral_norm import with_spectral_norms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool.weights.arithmetic import Weights


def weighted_mean(networks: Sequence[Weights], counts: Sequence[float]) -> dict[str, Tensor]:
    """Return the weighted mean of networks, tensor by tensor.

    Sums are in float64, the result in the tensors' own dtype.  Where all networks that count
    agree to the bit it is their value to the bit; so one that counts alone is given back as it
    is.  What spectral norm keeps of a weight is that of the mean.  Integers have no mean:
    counters, of one number, are those of the first network that counts, and all others must be
    the same.

    Args:
        networks: weights of the same names and shapes, on one device.
        counts: how much each counts; those below 0 lead beyond the others, and all of them
            together are above 0.

    Raises:
        LmctoolError: whole numbers differ that are no counter, or masks of pruning.
    """
    counted = [(own, count) for own, count in zip(networks, counts, strict=True) if count]
    if len(counted) == 1:
        return dict(counted[0][0])
    mean = {
        name: mean_tensor([own[name] for own, _ in counted], [count for _, count in counted], name)
        for name in counted[0][0]
    }
    return with_spectral_norms(mean, [own for own, _ in counted])


def mean_tensor(tensors: Sequence[Tensor], counts: Sequence[float], name: str = "") -> Tensor:
    """Return the weighted mean of tensors; see ``weighted_mean``.

    Args:
        tensors: of one shape and dtype.
        counts: how much each counts, none 0, and above 0 together.
        name: what the tensors are called, for an error.

    Raises:
        LmctoolError: they are whole numbers or masks that differ, and more than one each.
    """
    import torch

    first, *others = tensors
    if not first.is_floating_point():
        refuse_differing(name, tensors)
        return first
    refuse_masks(name, tensors)
    total = first.double() * counts[0]
    same = torch.ones_like(first, dtype=torch.bool)
    for tensor, count in zip(others, counts[1:], strict=True):
        total.add_(tensor.double(), alpha=count)
        same &= tensor == first
    # division may miss a value that all share by its last bit, and sums lose the sign of a zero
    return torch.where(same, first, (total / sum(counts)).to(first.dtype))
