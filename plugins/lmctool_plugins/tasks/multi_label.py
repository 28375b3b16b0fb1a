"""Multi-label classification: binary cross-entropy of each label in nats, share of wrong labels.

Every mean is one over labels: an example weighs as much as it has labels that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lmctool.api import LmctoolError, Task, hookimpl
from lmctool.api.advanced import IGNORE_INDEX

if TYPE_CHECKING:
    from numpy.typing import NDArray


def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss and error of the labels of each example.

    Args:
        outputs: (example, label) logits; half precision is computed in float32.
        targets: (example, label) 1 where the example has the label, 0 where not, and -100 or NaN
            where nobody knows.

    Returns:
        (example,) float64 binary cross-entropy in nats per label, NaN where a logit that counts
        is or its target is another, and (example,) float64 share of labels whose logit has the
        wrong sign (zero answers no, and NaN is wrong); both are 0 where no label counts.

    Raises:
        LmctoolError: the outputs aren't logits of these labels.
    """
    _check_shapes(outputs, targets)
    logits = outputs if outputs.dtype == torch.float64 else outputs.float()
    counted = _counted(targets)
    labels = torch.where(counted, targets, 0).to(logits.dtype)
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    strange = (labels != 0) & (labels != 1)
    losses = losses.masked_fill(strange, torch.nan).masked_fill(~counted, 0)
    wrong = (((logits > 0) != (labels == 1)) | logits.isnan()) & counted
    count = weight(targets).clamp(min=1)
    return losses.double().sum(dim=1) / count, wrong.double().sum(dim=1) / count


def check(outputs: Tensor, targets: Tensor) -> None:
    """Check that the targets of a split are 0, 1 or none; waits for the device.

    Args:
        outputs: (example, label) logits of a batch.
        targets: (example, label) targets of the split.

    Raises:
        LmctoolError: one is another.
    """
    if outputs.shape[1:] != targets.shape[1:]:
        return  # refused by score
    strange = targets[_counted(targets) & (targets != 0) & (targets != 1)]
    if len(strange):
        raise LmctoolError(
            "multi-label needs targets 0 and 1, and -100 where nobody knows, not"
            f" {strange[0].item()}"
        )


def answers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and the labels of each example, -100 where nobody knows, to be judged.

    Raises:
        LmctoolError: as ``score``.
    """
    _check_shapes(outputs, targets)
    return outputs, torch.where(_counted(targets), targets, IGNORE_INDEX).long()


def weight(targets: Tensor) -> Tensor:
    """Return how many labels of each example count: (example, label) -> (example,) float64."""
    return _counted(targets).flatten(1).sum(dim=1).double()


def chance(targets: NDArray[Any]) -> float:
    """Return the error of always answering what is most frequent of each label."""
    count, share = _frequencies(targets)
    return float(np.average(np.minimum(share, 1 - share), weights=count))


def chance_loss(targets: NDArray[Any]) -> float:
    """Return the loss of always answering the frequency of each label."""
    count, share = _frequencies(targets)
    both = np.stack([share, 1 - share])
    entropy = -(both * np.log(np.where(both > 0, both, 1))).sum(axis=0)
    return float(np.average(entropy, weights=count))


def _frequencies(targets: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how often each label is known, and of these how often it is 1, (label,) both."""
    counted = (targets != IGNORE_INDEX) & (targets == targets)
    count = counted.sum(axis=0)
    return count, ((targets == 1) & counted).sum(axis=0) / np.maximum(count, 1)


def _check_shapes(outputs: Tensor, targets: Tensor) -> None:
    if outputs.ndim != 2 or outputs.shape != targets.shape:
        raise LmctoolError(
            "multi-label needs outputs and targets of one shape (example, label), but an example"
            f" has outputs of shape {tuple(outputs.shape[1:])} and targets of shape"
            f" {tuple(targets.shape[1:])}"
        )


def _counted(targets: Tensor) -> Tensor:
    return (targets != IGNORE_INDEX) & ~targets.isnan()


@hookimpl
def lmctool_task() -> Task:
    """Add ``--task multi-label``."""
    return Task(score, chance, weight, chance_loss, check, answers)
