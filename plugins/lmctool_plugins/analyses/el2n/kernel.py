"""The EL2N score, and equal splits by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError
from lmctool.api.advanced import class_logits

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.api import Array


def el2n(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the EL2N score of each example (Paul et al. 2021, section 2).

    Args:
        outputs: (example, class) logits, or (example,) logits of class 1 against class 0.
        targets: (example,) int64 classes.

    Returns:
        (example,) float64 in [0, sqrt(2)]; NaN where a logit is.

    Raises:
        LmctoolError: the outputs are no logits of classes.
        RuntimeError: a target is none of the classes; ``check_classes`` says it in a sentence.
    """
    from torch.nn import functional

    outputs = class_logits(outputs)
    if outputs.ndim != 2 or targets.ndim != 1:
        raise LmctoolError(
            "EL2N scores need outputs of shape (example, class) and one class an example, not"
            f" {tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    answers = functional.one_hot(targets, outputs.shape[1])
    difference = outputs.double().softmax(dim=1) - answers
    return difference.square().sum(dim=1).sqrt()


def check_classes(outputs: Tensor, targets: Tensor) -> None:
    """Check that a model tells the classes of a split apart; waits for the device.

    Args:
        outputs: (example, class) logits of a batch.
        targets: (example,) int64 classes of the split.

    Raises:
        LmctoolError: a class is none of the model's.
    """
    import torch

    if outputs.ndim != 2 or targets.ndim != 1 or not len(targets):
        return  # refused by el2n, if at all
    lowest, highest = torch.stack(targets.aminmax()).tolist()
    if not 0 <= lowest <= highest < outputs.shape[1]:
        raise LmctoolError(
            f"the data has classes {lowest} to {highest}, but the model tells"
            f" {outputs.shape[1]} apart; is it trained on other data?"
        )


def equal_splits(scores: Array, count: int) -> NDArray[np.int64]:
    """Return the split of each example, (example,) from 1 (lowest scores) to ``count``.

    Sizes differ by at most one, the larger splits first; of equal scores the earlier example
    comes first.

    Args:
        scores: (example,).
        count: how many splits.

    Raises:
        LmctoolError: there are fewer examples than splits.
    """
    if len(scores) < count:
        raise LmctoolError(f"{len(scores)} examples cannot be divided into {count} splits")
    splits = np.empty(len(scores), dtype=np.int64)
    order = np.argsort(scores, kind="stable")
    for number, members in enumerate(np.array_split(order, count), start=1):
        splits[members] = number
    return splits
