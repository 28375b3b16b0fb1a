"""Area under the ROC curve: how likely a class scores higher where it is right; higher is better.

The probability that an item of a class has a greater score for it than an item of another, equal
scores counted half, which is the area under the curve (Fawcett 2006, "An introduction to ROC
analysis", section 7) and the statistic of Mann and Whitney over the number of pairs (Hand and Till
2001, "A Simple Generalisation of the Area Under the ROC Curve for Multiple Class Classification
Problems", section 2).  The score is the logit, or of several classes the probability of each
against the rest; of several classes or labels it is the mean over those that some items have and
others have not (Hand and Till take pairs of classes instead).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import LmctoolError, Score, ScoreMetric, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

METRIC = ScoreMetric("auc", "1", "area under the ROC curve", "{:.4f}", "higher", 0, 1, share=False)
AT_ONCE = 1 << 22
"""Scores that are sorted together, about."""


def of_batch(answers: Tensor, right: Tensor) -> Tensor:
    """Return the score of each item for each class or label, and whether it has it.

    Args:
        answers: as ``Task.answers`` gives them.
        right: likewise.

    Returns:
        (item, class, 2) float64: the score, and 1, 0, or -100 where it counts for nothing.
    """
    import torch

    scores, has = answers.double(), right.double()
    if scores.ndim == 1:
        scores, has = scores[:, None], has[:, None]
    elif has.ndim == 1:
        classes = torch.arange(scores.shape[1], device=scores.device)
        scores, has = scores.softmax(dim=1), (right[:, None] == classes).double()
    return torch.stack([scores.masked_fill(has < 0, 0.0), has], dim=2)


def of_split(kept: Tensor) -> Tensor:
    """Return the mean area of the classes or labels that some items have and others have not.

    Raises:
        LmctoolError: there is none.
    """
    import torch

    columns = torch.split(kept.movedim(0, 2), max(1, AT_ONCE // max(1, len(kept))))
    won, pairs = torch.cat([ranked(*part.movedim(1, 0).contiguous()) for part in columns], dim=1)
    if not pairs.any():
        raise LmctoolError(
            "--score auc compares answers of a class with others, and the split has those of one"
            " class alone; see --split and --limit"
        )
    mean: Tensor = (won / pairs.clamp(min=1)).sum() / (pairs > 0).sum()
    return mean


def ranked(scores: Tensor, has: Tensor) -> Tensor:
    """Return how many pairs of an item with a class and one without it are in this order.

    Args:
        scores: (class, item).
        has: (class, item) 1 where the item has the class, 0 where not, anything else where it
            counts for nothing.

    Returns:
        (2, class) float64: the pairs in order, equal scores counted half, and all pairs; the
        former is NaN where a score is.
    """
    import torch

    ordered, places = scores.sort(dim=1)
    has = has.gather(1, places)
    without = torch.nn.functional.pad((has == 0).cumsum(dim=1), (1, 0))
    below, up_to = (
        without.gather(1, torch.searchsorted(ordered, ordered, right=right))
        for right in (False, True)
    )
    own = has == 1
    won = ((below + up_to) * own).sum(dim=1).double() / 2
    pairs = own.sum(dim=1).double() * without[:, -1]
    return torch.stack([won.masked_fill(scores.isnan().any(dim=1), torch.nan), pairs])


@hookimpl
def lmctool_score() -> Score:
    """Add ``--score auc``."""
    return Score(METRIC, of_batch, of_split, joined="listed")
