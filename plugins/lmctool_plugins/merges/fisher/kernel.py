"""The mean of tensors in which each value counts by its precision, and labels drawn from logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def precise_mean(
    tensors: Sequence[Tensor],
    precisions: Sequence[Tensor],
    counts: Sequence[float],
    floor: float,
) -> Tensor:
    """Return sum_i w_i max(F_i, floor) theta_i / sum_i w_i max(F_i, floor), value by value.

    It is computed in float64 as steps from the first tensor, so that where all agree to the bit the
    result does too.

    Args:
        tensors: theta_i, of one shape and dtype.
        precisions: F_i of each, float64 of the same shape, not negative.
        counts: w_i, not negative, with a sum above 0.
        floor: the least precision, above 0: where no network says anything, the plain mean is left.

    Returns:
        of the shape and dtype of the first.
    """
    first = tensors[0].double()
    shares = [
        count * precision.clamp(min=floor)
        for count, precision in zip(counts, precisions, strict=True)
    ]
    total = sum(shares[1:], shares[0])
    mean = first.clone()
    for tensor, share in zip(tensors[1:], shares[1:], strict=True):
        mean += share / total * (tensor.double() - first)
    return mean.to(tensors[0].dtype)


def drawn_labels(logits: Tensor, places: Tensor) -> Tensor:
    """Return a class for each item, drawn by the softmax of its logits.

    Class c is drawn where the cumulative probability first exceeds the item's place.

    Args:
        logits: (item, class).
        places: (item,) float64, uniform in [0, 1), on the device of the logits.

    Returns:
        (item,) int64.
    """
    reached = logits.double().softmax(dim=1).cumsum(dim=1)
    drawn = (reached <= places[:, None]).sum(dim=1)
    return drawn.clamp(max=logits.shape[1] - 1)  # sums of probabilities may stay below 1
