"""Scores beside loss and error: what is kept of each batch, and the number that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.errors import LmctoolError, PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lmctool.plugin.records import Score, Task

MOST_KEPT = 1 << 30
"""Bytes that a score may keep of a split."""


def kept_of(
    outputs: Tensor, targets: Tensor, task: Task, scores: Sequence[Score], examples: int
) -> list[Tensor]:
    """Return what each score keeps of a batch.

    Args:
        outputs: of the batch.
        targets: of the batch.
        task: what the answers are.
        scores: the scores.
        examples: how many examples the whole split has.

    Raises:
        LmctoolError: the task has no answers that scores judge, one cannot be taken of them, or
            would keep more of the split than memory is for.
    """
    if not scores:
        return []
    if task.answers is None:
        raise LmctoolError(
            f"--score {scores[0].metric.name} judges answers of classes, and the task has none;"
            " leave it out, or name another --task"
        )
    answers, right = task.answers(outputs, targets)
    for score in scores:
        if score.joined == "listed":  # one item tells what all will take
            one = score.of_batch(answers[:1], right[:1])
            _refuse_too_much(score, one.nbytes * len(right) * examples / len(targets))
    return [_number(score, score.of_batch(answers, right)) for score in scores]


def _refuse_too_much(score: Score, kept: float) -> None:
    if kept > MOST_KEPT:
        raise LmctoolError(
            f"--score {score.metric.name} keeps {kept / 2**30:.3g} GiB of the split; try --limit,"
            " or leave it out"
        )


def of_split(score: Score, kept: Sequence[Tensor]) -> Tensor:
    """Return a score, one number, of what was kept of the batches of a split.

    Raises:
        PluginError: it is something else, or batches are not kept in one shape.
    """
    listed = score.joined == "listed"
    shapes = {tuple(each.shape[listed:]) for each in kept}
    if len(shapes) > 1:
        raise PluginError(
            f"score {score.metric.name!r} keeps of batches what has the shapes"
            f" {', '.join(map(str, sorted(shapes)))}; add up their items, or list them"
        )
    joined = torch.cat(tuple(kept)) if listed else sum(kept[1:], kept[0])
    value = _number(score, score.of_split(joined))
    if value.ndim:
        raise PluginError(
            f"score {score.metric.name!r} gave an array of shape {tuple(value.shape)} where one"
            " number is due"
        )
    return value


def _number(score: Score, value: object) -> Tensor:
    """Return what a score gave.

    Raises:
        PluginError: it is no float64 tensor.
    """
    if isinstance(value, torch.Tensor) and value.dtype == torch.float64:
        return value
    kind = getattr(value, "dtype", type(value).__name__)
    raise PluginError(
        f"score {score.metric.name!r} gave {str(kind).removeprefix('torch.')} where a float64"
        " tensor is due"
    )
