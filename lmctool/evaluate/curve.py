"""Loss and error along variants of a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    """
    loss: list[NDArray[np.float64]] = []
    error: list[NDArray[np.float64]] = []
    for variant in variants:
        own = variant.name == "plain"
        inner = [float(value) for value in (alpha[1:-1] if own else alpha[1:])]
        points = (variant.at(value) for value in inner)
        scores = run.evaluate(points, count=len(inner), description=f"path {variant.name}")
        ends = run.ends
        for found, known, curve in (
            (scores.loss, ends.loss, loss),
            (scores.error, ends.error, error),
        ):
            curve.append(np.hstack([known[:, :1], found, *([known[:, 1:]] if own else [])]))
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
    """
    order = np.argsort(np.concatenate([curves.alpha, alpha]), kind="stable")
    loss, error = [], []
    for number, variant in enumerate(variants):
        points = (variant.at(float(value)) for value in alpha)
        scores = run.evaluate(points, count=len(alpha), description=f"refine {variant.name}")
        loss.append(np.hstack([curves.loss[number], scores.loss])[:, order])
        error.append(np.hstack([curves.error[number], scores.error])[:, order])
    whole = np.concatenate([curves.alpha, alpha])[order]
    return Curves(whole, np.array(loss), np.array(error))
