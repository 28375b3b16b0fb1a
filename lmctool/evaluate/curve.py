"""Loss and error along variants of a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmctool.errors import UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.evaluate.scores import Scores
    from lmctool.run import Run
    from lmctool.variant import Variant


@dataclass(frozen=True, slots=True)
class Curves:
    """What was measured along a path, ends included.

    Attributes:
        alpha: (alpha,) rising from 0 to 1.
        loss: (variant, split, alpha) nats per example.
        error: (variant, split, alpha) share of examples answered wrongly.
    """

    alpha: NDArray[np.float64]
    loss: NDArray[np.float64]
    error: NDArray[np.float64]


def follow(run: Run, variants: Sequence[Variant], alpha: NDArray[np.float64]) -> Curves:
    """Return the curves of every variant; the ends of the plain one are the checkpoints' own.

    Args:
        run: the run.
        variants: the variants.
        alpha: (alpha,) rising from 0 to 1.

    Raises:
        UnjudgedError: a loss on the way isn't a number.
    """
    ends = run.ends
    loss, error = [], []
    for variant in variants:
        own = variant.name == "plain"
        scores = _scores(run, variant, alpha[1:-1] if own else alpha[1:], "path")
        last = slice(1, None) if own else slice(0, 0)
        loss.append(np.hstack([ends.loss[:, :1], scores.loss, ends.loss[:, last]]))
        error.append(np.hstack([ends.error[:, :1], scores.error, ends.error[:, last]]))
    return Curves(alpha, np.array(loss), np.array(error))


def insert(
    run: Run, variants: Sequence[Variant], curves: Curves, alpha: NDArray[np.float64]
) -> Curves:
    """Return curves with more points, evaluated and put in their places.

    Args:
        run: the run.
        variants: the variants that the curves belong to.
        curves: what is there already.
        alpha: (alpha,) new positions strictly between 0 and 1.

    Raises:
        UnjudgedError: a loss on the way isn't a number.
    """
    whole = np.concatenate([curves.alpha, alpha])
    order = np.argsort(whole, kind="stable")
    loss, error = [], []
    for number, variant in enumerate(variants):
        scores = _scores(run, variant, alpha, "refine")
        loss.append(np.hstack([curves.loss[number], scores.loss])[:, order])
        error.append(np.hstack([curves.error[number], scores.error])[:, order])
    return Curves(whole[order], np.array(loss), np.array(error))


def _scores(run: Run, variant: Variant, alpha: NDArray[np.float64], stage: str) -> Scores:
    points = (variant.at(float(value)) for value in alpha)
    scores = run.evaluate(points, count=len(alpha), description=f"{stage} {variant.name}")
    for split, losses in zip(scores.splits, scores.loss, strict=True):
        if np.isnan(losses).any():
            place = alpha[np.isnan(losses)][0]
            raise UnjudgedError(
                f"the network at alpha {place:.4g} of variant {variant.name!r} has a loss that is"
                f" not a number on split {split!r}, so its path cannot be judged"
            )
    return scores
