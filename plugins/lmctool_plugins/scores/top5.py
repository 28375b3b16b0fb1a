"""Top-5 error: the share of answers without the right class among the five most likely.

The second measure of ILSVRC (Russakovsky et al. 2015, arXiv:1409.0575, section 4.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import LmctoolError, Score, ScoreMetric, hookimpl
from lmctool.api.advanced import class_answers

if TYPE_CHECKING:
    from torch import Tensor

METRIC = ScoreMetric("top5", "1", "top-5 error (share of answers)", "{:.2%}", "lower", 0, 1, True)
GUESSES = 5


def of_batch(answers: Tensor, right: Tensor) -> Tensor:
    """Return how many items are wrong, and how many there are: (2,) float64.

    Of equal logits those of lower classes go first, as for the error; an item with a logit that
    is not a number is wrong.

    Args:
        answers: as ``Task.answers`` gives them.
        right: likewise.

    Raises:
        LmctoolError: there are no classes, or so few that five of them are all.
    """
    import torch

    logits = class_answers("top5", answers, right)
    classes = logits.shape[1]
    if classes <= GUESSES:
        raise LmctoolError(
            f"--score top5 needs six classes or more, and the model tells {classes} apart; leave"
            " it out"
        )
    own = logits.gather(1, right[:, None])
    lower = torch.arange(classes, device=logits.device) < right[:, None]
    before = ((logits > own) | ((logits == own) & lower)).sum(dim=1)
    wrong = (before >= GUESSES) | logits.isnan().any(dim=1)
    return torch.stack([wrong, torch.ones_like(wrong)]).double().sum(dim=1)


def of_split(kept: Tensor) -> Tensor:
    """Return the share of items that are wrong."""
    return kept[0] / kept[1]


@hookimpl
def lmctool_score() -> Score:
    """Add ``--score top5``."""
    return Score(METRIC, of_batch, of_split)
