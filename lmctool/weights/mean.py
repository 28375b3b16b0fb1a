"""The weighted mean of networks: a model soup, or a point of the plane through three of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lmctool.weights.arithmetic import refuse_differing, refuse_masks
from lmctool.weights.spectral_norm import with_spectral_norms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool.weights.arithmetic import Weights


BLOCK = 1 << 15
"""Values that are added up at once on a CPU: their sums in float64 stay in its cache."""
_ROOMS = threading.local()


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
    first = tensors[0]
    if not first.is_floating_point():
        refuse_differing(name, tensors)
        return first
    refuse_masks(name, tensors)
    if first.device.type != "cpu":
        return _mean(tensors, counts)
    import numpy as np
    import torch

    flat = [each.detach().reshape(-1) for each in tensors]
    mean = torch.empty_like(flat[0])
    if not hasattr(_ROOMS, "room"):
        _ROOMS.room = torch.empty(3, BLOCK, dtype=torch.float64)
    with np.errstate(over="ignore"):
        for start in range(0, len(mean), BLOCK):
            blocks = [each[start : start + BLOCK] for each in flat]
            _mean_of_block(blocks, counts, mean[start : start + BLOCK], _ROOMS.room)
    return mean.view(first.shape)


def _mean_of_block(
    tensors: Sequence[Tensor], counts: Sequence[float], mean: Tensor, room: Tensor
) -> None:
    """Put what ``_mean`` returns into ``mean``; numpy begins much sooner than torch does.

    Args:
        tensors: flat ones, on the CPU.
        counts: how much each counts.
        mean: room for the mean.
        room: room for three of them in float64.
    """
    import numpy as np
    import torch

    places = room[:, : len(mean)]
    first, more, total = places.numpy()
    places[0].copy_(tensors[0])
    np.multiply(first, counts[0], out=total)
    same = np.ones(len(mean), bool)
    for tensor, count in zip(tensors[1:], counts[1:], strict=True):
        places[1].copy_(tensor)
        same &= more == first
        np.multiply(more, count, out=more)
        np.add(total, more, out=total)
    if (whole := sum(counts)) != 1:
        np.divide(total, whole, out=total)
    mean.copy_(places[2])
    if same.any():
        torch.where(torch.from_numpy(same), tensors[0], mean, out=mean)


def _mean(tensors: Sequence[Tensor], counts: Sequence[float]) -> Tensor:
    """Return the weighted mean of floating tensors, on any device."""
    import torch

    first, *others = tensors
    total = first.double() * counts[0]
    same = torch.ones_like(first, dtype=torch.bool)
    for tensor, count in zip(others, counts[1:], strict=True):
        total.add_(tensor.double(), alpha=count)
        same &= tensor == first
    # division may miss a value that all share by its last bit, and sums lose the sign of a zero
    return torch.where(same, first, (total / sum(counts)).to(first.dtype))
