"""Segmentation: cross-entropy in nats, and the share of wrong classes, of pixels or positions.

Every mean is one over pixels: an example weighs as much as it has pixels that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from lmctool.api import LmctoolError, Task, hookimpl
from lmctool.api.advanced import IGNORE_INDEX, majority_error, majority_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOID = 255
"""The class that marks pixels of no class in many masks of 8 bits."""


def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss and error of the pixels of each example.

    Args:
        outputs: (example, class, height, width) logits, or (example, class, position) and the
            like; one channel, or none, is the logit of class 1 against class 0.  Half precision is
            computed in float32.
        targets: (example, height, width) int64 classes, or -100; they may have a channel of size 1.

    Returns:
        (example,) float64 cross-entropy in nats per pixel, NaN where a logit that counts is, and
        (example,) float64 share of pixels whose logit isn't the greatest (the first of equals is
        the answer, and NaN is wrong); both are 0 for an example without pixels that count.

    Raises:
        LmctoolError: the outputs aren't logits of these pixels.
        IndexError: a target is none of the classes; on a GPU, an error of the device.  ``check``
            says it in a sentence.
    """
    logits, classes = _pixels(outputs, targets)
    counted = classes != IGNORE_INDEX
    wrong = ((logits.argmax(dim=1) != classes) | logits.isnan().any(dim=1)) & counted
    losses = functional.cross_entropy(logits, classes, reduction="none", ignore_index=IGNORE_INDEX)
    pixels = weight(targets).clamp(min=1)
    return (
        losses.flatten(1).double().sum(dim=1) / pixels,
        wrong.flatten(1).double().sum(dim=1) / pixels,
    )


def check(outputs: Tensor, targets: Tensor) -> None:
    """Check that a model tells the classes of a split apart; waits for the device.

    Args:
        outputs: (example, class, ...) logits of a batch.
        targets: (example, ...) int64 classes of the split, or -100.

    Raises:
        LmctoolError: a class is none of the model's, or the outputs aren't logits of the pixels.
    """
    if targets.is_floating_point():
        return  # refused by score
    logits, _ = _pixels(outputs[:1], targets[:1])
    counted = targets.masked_fill(targets == IGNORE_INDEX, 0)
    lowest, highest = torch.stack(counted.aminmax()).tolist()
    if lowest < 0:
        raise LmctoolError(
            f"the data has class {lowest}, but classes count from 0, and -100 counts for nothing"
        )
    if highest >= logits.shape[1]:
        void = (
            f"; if {VOID} marks pixels of no class, say ?ignore={VOID} behind the path of the data,"
            f" or put {IGNORE_INDEX} in its place"
        )
        raise LmctoolError(
            f"the data has class {highest} but the model tells {logits.shape[1]} classes apart"
            + (void if highest == VOID else "; is it trained on other data?")
        )


def answers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits (item, class) and the class (item,) of each pixel that counts.

    Raises:
        LmctoolError: as ``score``.
    """
    logits, classes = _pixels(outputs, targets)
    counted = classes != IGNORE_INDEX
    return logits.movedim(1, -1)[counted], classes[counted]


def weight(targets: Tensor) -> Tensor:
    """Return how many pixels of each example count: (example, ...) -> (example,) float64.

    Raises:
        LmctoolError: the targets are no classes of pixels.
    """
    if targets.ndim < 2 or targets.is_floating_point():
        raise LmctoolError(
            "segmentation needs a class for each pixel, not targets of"
            f" {str(targets.dtype).removeprefix('torch.')} and shape {tuple(targets.shape)}"
        )
    return (targets != IGNORE_INDEX).flatten(1).sum(dim=1).double()


def chance(targets: NDArray[Any]) -> float:
    """Return the error of always answering the most frequent class of the pixels that count."""
    return majority_error(targets[targets != IGNORE_INDEX])


def chance_loss(targets: NDArray[Any]) -> float:
    """Return the loss of always answering the frequencies of the pixels that count."""
    return majority_loss(targets[targets != IGNORE_INDEX])


def _pixels(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits as (example, class, ...), at least two of them, and classes as (example, ...).

    Raises:
        LmctoolError: they are of other pixels.
    """
    logits = outputs if outputs.dtype == torch.float64 else outputs.float()
    if targets.ndim > 2 and targets.shape[1] == 1 and logits.shape[2:] != targets.shape[1:]:
        targets = targets[:, 0]
    if logits.shape == targets.shape:
        logits = logits.unsqueeze(1)
    if logits.ndim < 3 or logits.shape[:1] + logits.shape[2:] != targets.shape:
        raise LmctoolError(
            "segmentation needs outputs of shape (class, height, width) for the targets' (height,"
            f" width), but an example has outputs of shape {tuple(outputs.shape[1:])} and targets"
            f" of shape {tuple(targets.shape[1:])}" + _other_size(logits, targets)
        )
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return logits, targets


def _other_size(logits: Tensor, targets: Tensor) -> str:
    if logits.ndim != targets.ndim + 1 or len(logits) != len(targets):
        return ""
    return "; resize the outputs in the model's forward, or store masks of the outputs' size"


@hookimpl
def lmctool_task() -> Task:
    """Add ``--task segmentation``."""
    return Task(score, chance, weight, chance_loss, check, answers)
