"""Mean intersection over union of the classes that occur; the higher, the better.

Of each class the items that have it and are answered by it, over those that have it or are answered
by it (Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", IJCV, of
segmentation).  It counts all items of the split together, not image by image; a class occurs where
any item has it or is answered by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Score, ScoreMetric, hookimpl
from lmctool.api.advanced import class_answers

if TYPE_CHECKING:
    from torch import Tensor

METRIC = ScoreMetric(
    "miou", "1", "mean intersection over union", "{:.2%}", "higher", 0, 1, share=True
)


def of_batch(answers: Tensor, right: Tensor) -> Tensor:
    """Return how many items each class has in common with its answers, and either: (class, 2).

    Args:
        answers: as ``Task.answers`` gives them.
        right: likewise.

    Raises:
        LmctoolError: there are no classes.
    """
    import torch

    logits = class_answers("miou", answers, right)
    answered = logits.argmax(dim=1)
    correct = ((answered == right) & ~logits.isnan().any(dim=1)).double()
    none, one = torch.zeros_like(correct), torch.ones_like(correct)
    kept = correct.new_zeros(logits.shape[1], 2)
    kept.index_add_(0, right, torch.stack([correct, one], dim=1))
    return kept.index_add_(0, answered, torch.stack([none, one - correct], dim=1))


def of_split(kept: Tensor) -> Tensor:
    """Return the mean over the classes that occur."""
    common, either = kept.unbind(dim=1)
    return (common / either.clamp(min=1)).sum() / (either > 0).sum()


@hookimpl
def lmctool_score() -> Score:
    """Add ``--score miou``."""
    return Score(METRIC, of_batch, of_split)
