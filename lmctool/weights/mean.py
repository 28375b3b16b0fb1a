"""The weighted mean of networks: a model soup."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool.weights.arithmetic import Weights


def weighted_mean(networks: Sequence[Weights], counts: Sequence[float]) -> dict[str, Tensor]:
    """Return the weighted mean of networks, tensor by tensor.

    Sums are in float64, the result in the tensors' own dtype.  Where all networks that count
    agree to the bit it is their value to the bit; so one that counts alone is given back as it
    is.  Integer buffers have no mean and are those of the first network that counts.

    Args:
        networks: weights of the same names and shapes, on one device.
        counts: how much each counts, 0 or more, and not all 0.
    """
    counted = [(own, count) for own, count in zip(networks, counts, strict=True) if count > 0]
    if len(counted) == 1:
        return dict(counted[0][0])
    return {
        name: mean_tensor([own[name] for own, _ in counted], [count for _, count in counted])
        for name in counted[0][0]
    }


def mean_tensor(tensors: Sequence[Tensor], counts: Sequence[float]) -> Tensor:
    """Return the weighted mean of tensors; see ``weighted_mean``.

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
