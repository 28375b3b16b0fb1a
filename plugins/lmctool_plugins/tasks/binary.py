"""Binary classification by one logit: binary cross-entropy in nats, share of wrong signs."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lmctool.api import LmctoolError, Task, hookimpl
from lmctool.api.advanced import majority_error, majority_loss


def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and the error of each example.

    Args:
        outputs: (example, 1) or (example,) logits of class 1.
        targets: (example,) or (example, 1) 0 or 1.

    Returns:
        (example,) binary cross-entropy in nats, NaN for another target, and (example,) 1 where
        the logit's sign is another than the target's (zero answers class 0, and NaN is wrong).

    Raises:
        LmctoolError: there is more than one logit an example.
    """
    logits, targets = _rows(outputs, targets)
    logits = logits if logits.dtype == torch.float64 else logits.float()
    wrong = ((logits > 0) != (targets == 1)) | logits.isnan()
    labels = targets.to(logits.dtype)
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return losses.masked_fill(_strange(targets), math.nan), wrong.to(logits.dtype)


def check(outputs: Tensor, targets: Tensor) -> None:
    """Check that the targets of a split are 0 and 1; waits for the device.

    Args:
        outputs: (example, 1) or (example,) logits of a batch.
        targets: (example,) or (example, 1) targets of the split.

    Raises:
        LmctoolError: one is another.
    """
    if outputs.shape[1:] not in {(), (1,)}:
        return  # refused by score
    strange = targets[_strange(targets)]
    if len(strange):
        raise LmctoolError(f"the binary task needs targets 0 and 1, not {strange[0].item()}")


def _strange(targets: Tensor) -> Tensor:
    return (targets != 0) & (targets != 1)


def answers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logit and the class of each example, (example,) both, as other scores judge.

    Raises:
        LmctoolError: as ``score``.
    """
    logits, targets = _rows(outputs, targets)
    return logits, targets.long()


def _rows(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits and targets, (example,) both."""
    if outputs.shape not in {(len(targets),), (len(targets), 1)}:
        raise LmctoolError(
            "the binary task needs outputs of shape (example, 1) or (example,), not"
            f" {tuple(outputs.shape)}"
        )
    return outputs.reshape(-1), targets[:, 0] if targets.shape[1:] == (1,) else targets


@hookimpl
def lmctool_task() -> Task:
    """Add ``--task binary``."""
    return Task(score, majority_error, chance_loss=majority_loss, check=check, answers=answers)
