"""Whether the ends of a path have learned anything: a barrier between guesses means nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.evaluate.scores import Scores
    from lmctool.plugin.records import Task


def check_ends(
    scores: Scores,
    paths: Sequence[Path],
    task: Task,
    splits: Sequence[Split],
    *,
    allow_chance: bool,
) -> None:
    """Refuse ends that no barrier between them would mean anything for.

    Args:
        scores: of the checkpoints that are arguments, on each split.
        paths: where these checkpoints are.
        task: what loss and error mean.
        splits: the splits of the scores, in their order.
        allow_chance: whether ends that answer at chance are taken.

    Raises:
        UnjudgedError: a loss is not a number, or every end answers at chance on a split and the
            user didn't allow that.
    """
    for row, split in enumerate(splits):
        for end, loss in enumerate(scores.loss[row]):
            if not math.isfinite(loss):
                raise UnjudgedError(
                    f"checkpoint '{paths[end]}' has loss {loss} on split {split.name!r},"
                    " so nothing between it and another can be judged"
                )
        if allow_chance:
            continue
        chance = task.chance(split.targets.cpu().numpy())
        # three standard deviations of a share: a network that guesses may be lucky
        counted = _counted(task, split)
        luck = 3 * math.sqrt(max(chance * (1 - chance), 0.0) / counted)
        if (scores.error[row] >= chance - luck).all():
            errors = " and ".join(f"{error:.1%}" for error in scores.error[row])
            raise UnjudgedError(
                f"every checkpoint answers at chance on split {split.name!r} (errors"
                f" {errors}, chance {chance:.1%}); most likely the inputs are normalised in another"
                " way than in training (--mean, --std), or the model or the data is another;"
                " pass --allow-chance if this is meant"
            )


def _counted(task: Task, split: Split) -> float:
    """Return how many answers a split asks for: its examples, or all that they weigh."""
    return len(split) if task.weight is None else float(task.weight(split.targets).sum())


def majority_error(targets: NDArray[Any]) -> float:
    """Return the error of always answering the most frequent target, or 1 where there are none.

    Args:
        targets: whole numbers, in any shape.
    """
    _, counts = np.unique(targets, return_counts=True)
    return 1 - float(counts.max(initial=0)) / max(1, targets.size)
