"""Balanced error: the error of each class, averaged over the classes that occur.

One less the mean recall, that is one less the balanced accuracy (Brodersen et al. 2010, "The
balanced accuracy and its posterior distribution", ICPR, for two classes): rare classes count as
much as frequent ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Score, ScoreMetric, hookimpl
from lmctool.api.advanced import class_answers

if TYPE_CHECKING:
    from torch import Tensor

METRIC = ScoreMetric(
    "balanced_error", "1", "balanced error (mean over classes)", "{:.2%}", "lower", 0, 1, True
)


def of_batch(answers: Tensor, right: Tensor) -> Tensor:
    """Return how many items each class has, and how many of them are wrong: (class, 2) float64.

    Args:
        answers: as ``Task.answers`` gives them.
        right: likewise.

    Raises:
        LmctoolError: there are no classes.
    """
    import torch

    logits = class_answers("balanced_error", answers, right)
    wrong = (logits.argmax(dim=1) != right) | logits.isnan().any(dim=1)
    each = torch.stack([torch.ones_like(wrong), wrong], dim=1).double()
    return each.new_zeros(logits.shape[1], 2).index_add_(0, right, each)


def of_split(kept: Tensor) -> Tensor:
    """Return the mean error of the classes that have items."""
    count, wrong = kept.unbind(dim=1)
    return (wrong / count.clamp(min=1)).sum() / (count > 0).sum()


@hookimpl
def lmctool_score() -> Score:
    """Add ``--score balanced_error``."""
    return Score(METRIC, of_batch, of_split)
