"""Classification: cross-entropy in nats, and the share of wrong classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lmctool.api import LmctoolError, Task, hookimpl
from lmctool.api.advanced import majority_error, majority_loss

NO_CLASS_IS_IGNORED = -(1 << 31)
"""In place of torch's -100, which would score nothing in silence where it is a wrong target."""


def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and the error of each example.

    Args:
        outputs: (example, class) logits; half precision is computed in float32.
        targets: (example,) int64 classes.

    Returns:
        (example,) cross-entropy in nats, NaN where a logit is, and (example,) 1 where the
        greatest logit isn't the target's (the first of equals is the answer, and NaN is wrong).

    Raises:
        LmctoolError: the outputs aren't logits of classes.
        IndexError: a target is none of the classes; on a GPU, an error of the device.  ``check``
            says it in a sentence.
    """
    _check_shapes(outputs, targets)
    logits = outputs if outputs.dtype == torch.float64 else outputs.float()
    wrong = (logits.argmax(dim=1) != targets) | logits.isnan().any(dim=1)
    losses = functional.cross_entropy(
        logits, targets, reduction="none", ignore_index=NO_CLASS_IS_IGNORED
    )
    return losses, wrong.to(logits.dtype)


def check(outputs: Tensor, targets: Tensor) -> None:
    """Check that a model tells the classes of a split apart; waits for the device.

    Args:
        outputs: (example, class) logits of a batch.
        targets: (example,) int64 classes of the split.

    Raises:
        LmctoolError: a class is none of the model's.
    """
    if outputs.ndim != 2 or targets.ndim != 1 or targets.is_floating_point() or not len(targets):
        return  # refused by score, if at all
    lowest, highest = torch.stack(targets.aminmax()).tolist()
    if lowest < 0:
        raise LmctoolError(f"the data has class {lowest}, but classes count from 0")
    if highest >= outputs.shape[1]:
        raise LmctoolError(
            f"the data has class {highest} but the model tells {outputs.shape[1]} classes"
            f" apart; {_meant(lowest, highest, outputs.shape[1])}"
        )


def _meant(lowest: int, highest: int, classes: int) -> str:
    """Return what most likely explains a class that a model has not."""
    if classes == 1:
        return "if the targets are numbers to predict, say --task regression"
    if lowest == 1 and highest == classes:
        return (
            "if classes count from 1, say ?labels=from-1 behind the path of the data, or count them"
            " from 0"
        )
    return "is it trained on other data?"


def answers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and the class of each example, as other scores judge them.

    Raises:
        LmctoolError: as ``score``.
    """
    _check_shapes(outputs, targets)
    return outputs, targets


def _check_shapes(outputs: Tensor, targets: Tensor) -> None:
    if outputs.ndim != 2 or len(outputs) != len(targets):
        raise LmctoolError(
            f"classification needs outputs of shape (example, class), not {tuple(outputs.shape)},"
            f" for {len(targets)} examples"
        )
    if targets.ndim != 1 or targets.is_floating_point():
        raise LmctoolError(
            "classification needs one class for each example, not targets of"
            f" {str(targets.dtype).removeprefix('torch.')} and shape {tuple(targets.shape)}"
        )


@hookimpl
def lmctool_task() -> Task:
    """Add ``--task classification``."""
    return Task(score, majority_error, chance_loss=majority_loss, check=check, answers=answers)
