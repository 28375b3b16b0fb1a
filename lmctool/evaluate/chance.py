"""Whether the ends of a path have learned anything: a barrier between guesses means nothing.

A network answers at chance where neither its error nor its loss is better than that of the best
constant answer.  What a split of one class or of one answer says of that is nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import UnjudgedError
from lmctool.results.text import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.evaluate.scores import Scores
    from lmctool.plugin.records import Task
    from lmctool.results.array import Array

LEARNED = 0.95
"""The share of the constant answer's loss, or of its error where that is no share of wrong answers,
below which a network has learned something."""


@dataclass(frozen=True, slots=True)
class Guess:
    """An end that answers at chance on a split, which another end doesn't.

    Attributes:
        end: the index of its checkpoint.
        split: the name of the split.
        reason: what that means, in one sentence.
    """

    end: int
    split: str
    reason: str


def check_ends(
    scores: Scores,
    paths: Sequence[Path],
    task: Task,
    splits: Sequence[Split],
    *,
    allow_chance: bool,
) -> tuple[Guess, ...]:
    """Refuse ends that no barrier between them would mean anything for.

    Args:
        scores: of the checkpoints that are arguments, on each split.
        paths: where these checkpoints are.
        task: what loss and error mean.
        splits: the splits of the scores, in their order.
        allow_chance: whether ends that answer at chance are taken.

    Returns:
        The ends that answer at chance, where not all of them do.

    Raises:
        UnjudgedError: a loss is not a number, or every end answers at chance on a split and the
            user didn't allow that.
    """
    guesses = []
    for row, split in enumerate(splits):
        for place, loss in enumerate(scores.loss[row]):
            if not math.isfinite(loss):
                raise UnjudgedError(
                    f"checkpoint '{paths[place]}' has loss {loss} on split {split.name!r},"
                    " so nothing between it and another can be judged"
                )
        errors = scores.error[row]
        found = at_chance(task, split, errors, scores.loss[row])
        if not found.any():
            continue
        chance = task.chance(split.targets.cpu().numpy())
        if found.all() and not allow_chance:
            listed = " and ".join(percent(error, 1) for error in errors)
            raise UnjudgedError(
                f"every checkpoint answers at chance on split {split.name!r} (errors {listed},"
                f" chance {percent(chance, 1)}); {chance_hint(task, split)};"
                " pass --allow-chance if this is meant"
            )
        for end in map(int, np.flatnonzero(found & ~found.all())):
            reason = (
                f"checkpoint '{paths[end]}' answers at chance on split {split.name!r} (error"
                f" {percent(errors[end], 1)}, chance {percent(chance, 1)}): a path to it, however"
                " low, connects nothing that was learned"
            )
            guesses.append(Guess(end, split.name, reason))
    return tuple(guesses)


def at_chance(task: Task, split: Split, error: Array, loss: Array) -> NDArray[np.bool_]:
    """Tell which networks answer a split no better than the best constant answer.

    Args:
        task: what loss and error mean.
        split: the examples.
        error: (...) of networks.
        loss: (...) of the same networks.

    Returns:
        (...) false everywhere where the split has one class or asks for one answer alone.
    """
    targets = split.targets.cpu().numpy()
    chance, counted = task.chance(targets), _counted(task, split)
    if counted <= 1 or chance == 0:
        return np.zeros(error.shape, dtype=bool)
    least = LEARNED * chance
    if task.error.share:  # three standard deviations of it: a network that guesses may be lucky
        least = chance - 3 * math.sqrt(max(chance * (1 - chance), 0.0) / counted)
    guesses: NDArray[np.bool_] = error >= least
    if task.chance_loss is not None:
        guesses = guesses & (loss >= LEARNED * task.chance_loss(targets))
    return guesses


def chance_levels(task: Task, splits: Sequence[Split]) -> dict[str, Array]:
    """Return loss and error of the best constant answer on each split, (split,) both.

    Args:
        task: what loss and error mean; where it doesn't say the loss, that is NaN.
        splits: the examples.
    """
    targets = [split.targets.cpu().numpy() for split in splits]
    losses = [math.nan if task.chance_loss is None else task.chance_loss(own) for own in targets]
    return {"loss": np.array(losses), "error": np.array([task.chance(own) for own in targets])}


def chance_hint(task: Task, split: Split) -> str:
    """Return what most likely went wrong where every network answers at chance.

    Args:
        task: what loss and error mean.
        split: the examples.
    """
    import torch

    if split.inputs.dtype != torch.int64:
        targets = "" if task.error.share else "the targets were scaled in training, "
        table = split.inputs.ndim == 2
        inputs = "the features are scaled" if table else "the inputs are normalised"
        return (
            f"most likely {targets}{inputs} in another way than in training (--mean, --std), or"
            " the model or the data is another"
        )
    if split.inputs.shape == split.targets.shape and all(
        torch.equal(inputs.to(targets.device), targets) for inputs, targets in split.pieces()
    ):
        return (
            "its targets are its inputs, but the target of each position is the token that follows"
            " it: shift them by one, or leave them out"
        )
    return (
        "most likely the text was cut into other tokens in training, or the model or the data is"
        " another"
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


def majority_loss(targets: NDArray[Any]) -> float:
    """Return the cross-entropy, in nats, of always answering the targets' own frequencies.

    Args:
        targets: whole numbers, in any shape.
    """
    _, counts = np.unique(targets, return_counts=True)
    shares = counts / max(1, targets.size)
    return float(-(shares * np.log(shares)).sum())
