"""The answers of networks that tell classes apart, as scores judge them."""

from __future__ import annotations

import torch
from torch import Tensor

from lmctool.errors import LmctoolError


def class_answers(score: str, answers: Tensor, right: Tensor) -> Tensor:
    """Return the logits of answers that are one class each; half precision in float32.

    Args:
        score: the word of the score that judges them.
        answers: as ``Task.answers`` gives them; one logit is that of class 1 beside a zero.
        right: likewise.

    Returns:
        (item, class) logits.

    Raises:
        LmctoolError: an item has several labels, and not one class.
    """
    if right.ndim != 1:
        raise LmctoolError(
            f"--score {score} judges answers of one class, not of labels; leave it out"
        )
    return class_logits(answers if answers.dtype == torch.float64 else answers.float())


def class_logits(answers: Tensor) -> Tensor:
    """Return logits of classes as they are, (item, class); one of class 1 goes beside a zero."""
    if answers.ndim > 1:
        return answers
    return torch.stack([torch.zeros_like(answers), answers], dim=1)
