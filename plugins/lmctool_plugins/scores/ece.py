"""Expected calibration error: how far confidence is from accuracy, over 15 equal bins.

Of the answers in each bin the mean confidence is taken from the share that is right, and the
absolute differences are averaged, each by its share of the answers (Guo et al. 2017,
arXiv:1706.04599, equation 3).  The confidence is the probability of the most likely class; of one
logit it is the probability of class 1, whose share of the bin it is compared with.  Bins are closed
below, and an answer of probability 1, to float32, is in a bin of its own, as torchmetrics has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Score, ScoreMetric, hookimpl
from lmctool.api.advanced import class_answers

if TYPE_CHECKING:
    from torch import Tensor

METRIC = ScoreMetric("ece", "1", "expected calibration error", "{:.2%}", "lower", 0, 1, True)
BINS = 15


def of_batch(answers: Tensor, right: Tensor) -> Tensor:
    """Return the items of each bin, their summed confidence, and how many are right: (bin, 3).

    Args:
        answers: as ``Task.answers`` gives them.
        right: likewise.

    Raises:
        LmctoolError: there are no classes.
    """
    import torch

    confidence, correct = _confidence(answers, right)
    confidence = confidence.float()
    bounds = torch.linspace(0, 1, BINS + 1, dtype=torch.float32, device=confidence.device)
    places = torch.bucketize(confidence, bounds, right=True) - 1
    bins = torch.arange(BINS + 1, device=confidence.device)[:, None]
    # one product, for sums by index come in any order on a GPU
    each = torch.stack([torch.ones_like(confidence), confidence, correct.float()], dim=1)
    return (places == bins).double() @ each.double()


def of_split(kept: Tensor) -> Tensor:
    """Return the mean distance of confidence and accuracy over the items."""
    count, confidence, correct = kept.unbind(dim=1)
    return (confidence - correct).abs().sum() / count.sum()


def _confidence(answers: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Return the confidence of each item, and whether what it is the confidence in is so."""
    logits = class_answers("ece", answers, right)
    if answers.ndim == 1:
        return logits[:, 1].sigmoid(), right == 1
    confidence, classes = logits.softmax(dim=1).max(dim=1)
    return confidence, classes == right


@hookimpl
def lmctool_score() -> Score:
    """Add ``--score ece``."""
    return Score(METRIC, of_batch, of_split)
