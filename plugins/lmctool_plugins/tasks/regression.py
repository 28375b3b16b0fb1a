"""Regression: squared error, and its share of the targets' variance, which is 1 - R².

R² is the coefficient of determination, averaged over the outputs with equal weights.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import LmctoolError, ScoreMetric, Task, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

LOSS = ScoreMetric("loss", "1", "loss (mean squared error)", "{:.4f}", "lower", 0, math.inf, False)
ERROR = ScoreMetric("error", "1", "error (1 - R²)", "{:.2%}", "lower", 0, math.inf, False)


def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and the error of each example of a whole split.

    Args:
        outputs: (example, ...) numbers.
        targets: (example, ...) the numbers to predict, of the same shape but for axes of size 1.

    Returns:
        (example,) float64 squared error, and (example,) float64 squared error in units of the
        variance of the output's targets over the split; both are means over the outputs.  The mean
        error of the split is 1 - R².

    Raises:
        LmctoolError: an example has other outputs than targets.
    """
    return _scored(_variance(targets), outputs, targets)


def check(outputs: Tensor, targets: Tensor) -> None:
    """Check that the targets of a split vary; waits for the device.

    Args:
        outputs: (example, ...) numbers of a batch.
        targets: (example, ...) the targets of the split.

    Raises:
        LmctoolError: an output has the same target in all examples, so that nothing is explained.
    """
    if _sizes(outputs) != _sizes(targets):
        return  # refused by score
    constant = (targets == targets[:1]).reshape(len(targets), -1).all(dim=0).nonzero()
    if len(constant):
        which = "" if targets[0].numel() == 1 else f" of output {constant[0].item()}"
        count = f"all {len(targets)} examples" if len(targets) > 1 else "the only example"
        raise LmctoolError(
            f"the targets{which} are the same in {count}, so there is no variance that a network"
            " could explain, and no R²; use other or more examples, or another --task"
        )


def of_split(targets: Tensor) -> Task:
    """Return the task of a split, whose targets' variance is the unit of the error."""
    return _task(partial(_scored, _variance(targets)))


def chance(_: NDArray[Any]) -> float:
    """Return the error of always answering the mean target, which explains no variance."""
    return 1.0


def chance_loss(targets: NDArray[Any]) -> float:
    """Return the mean squared error of always answering the mean target."""
    return float(np.var(targets.astype(np.float64), axis=0).mean())


def _scored(variance: Tensor, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Score a batch in units of the variance of each output, (output,) float64."""
    if _sizes(outputs) != _sizes(targets):
        raise LmctoolError(
            "regression needs one output for each target, but an example has outputs of shape"
            f" {tuple(outputs.shape[1:])} and targets of shape {tuple(targets.shape[1:])}"
            + _classes_meant(outputs, targets)
        )
    squared = (_columns(outputs) - _columns(targets)).square()
    return squared.mean(dim=1), (squared / variance).mean(dim=1)


def _classes_meant(outputs: Tensor, targets: Tensor) -> str:
    """Return what to do where there are several outputs for a target, which may be a class."""
    if targets[0].numel() != 1 or outputs.ndim != 2:
        return ""
    if not targets.is_floating_point():
        return "; if the targets are classes, say --task classification"
    return (
        "; if the targets are classes that are stored as floats, say ?labels=classes behind the"
        " path of the data, or store them as whole numbers"
    )


def _variance(targets: Tensor) -> Tensor:
    """Return the variance of each output's targets, (output,) float64."""
    return _columns(targets).var(dim=0, correction=0)


def _columns(values: Tensor) -> Tensor:
    """Return numbers as (example, output) float64."""
    return values.reshape(len(values), -1).double()


def _sizes(values: Tensor) -> list[int]:
    """Return the sizes of an example's axes, but for those of size 1."""
    return [size for size in values.shape[1:] if size != 1]


def _task(scoring: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Task:
    return Task(
        scoring,
        chance,
        chance_loss=chance_loss,
        check=check,
        of_split=of_split,
        loss=LOSS,
        error=ERROR,
    )


@hookimpl
def lmctool_task() -> Task:
    """Add ``--task regression``."""
    return _task(score)
