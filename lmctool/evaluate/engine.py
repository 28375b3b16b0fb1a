"""The evaluation of many networks over splits of data: one pass a network gives everything."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.evaluate.divided import Division, Measurement, measured_whole
from lmctool.evaluate.functional import outputs_of_each
from lmctool.evaluate.measured import Measured, scores
from lmctool.evaluate.other_scores import kept_of, of_split
from lmctool.evaluate.parts import joined_batches
from lmctool.evaluate.verified import retried
from lmctool.results.journal import NO_JOURNAL, Entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lmctool.data.split import Split
    from lmctool.evaluate.batch_size import BatchSize
    from lmctool.evaluate.functional import Forward, Outputs
    from lmctool.evaluate.scores import Scores
    from lmctool.plugin.records import Score, Task

Value = TypeVar("Value")
Scored = tuple[Tensor, Tensor, list[Tensor]]
"""The loss and the error of each example, (example,) both, and each other score of all."""
GATHERED = 1 << 20
"""Bytes of outputs that are scored together, at least."""
UNKEPT = Entries(NO_JOURNAL, ())
VALUES = "values"
"""The name of what was read of a network."""


def evaluate(
    forward: Forward,
    networks: Iterable[Mapping[str, Tensor]],
    splits: Sequence[Split],
    task: Task,
    *,
    dtype: torch.dtype,
    batch_size: BatchSize,
    per_example: bool = False,
    order: Iterable[int] | None = None,
    entries: Entries = UNKEPT,
    seeding: Callable[[], AbstractContextManager[None]] = nullcontext,
    others: Sequence[Score] = (),
    division: Division | None = None,
) -> Scores:
    """Return loss, error and other scores of every network on every split.

    Args:
        forward: the outputs of networks.
        networks: the weights of each network, taken one at a time, so that a generator of points
            on a path never holds more than one.
        splits: the splits.
        task: what loss and error mean.
        dtype: the dtype of the inputs.
        batch_size: how many examples at once; halves itself when memory runs out.
        per_example: keep the loss and error of each example.
        order: the numbers of the networks in the order to measure them, as ``candidates`` has it;
            those of the items of a division, if there is one.
        entries: keep what is measured of each network, and know what was before.
        seeding: what each pass of a network over a split is done in, for those that draw random
            numbers.
        others: other scores, computed in the same pass.
        division: how the splits are divided, of networks that draw no random numbers.

    Returns:
        Means over the examples, by their weight where the task has one, summed in float64.

    Raises:
        LmctoolError: no example of a split has any weight, a batch does not fit in memory, or
            another score cannot be taken of what the task tells.
    """
    shares = [_share(task, split) for split in splits]

    def scored(outputs: Outputs, split: Split) -> Scored:
        return _scores(outputs, split, task, others, dtype, batch_size, seeding)

    def whole(weights: Mapping[str, Tensor]) -> Measured:
        with torch.no_grad():
            outputs = forward(weights)
            return retried(partial(_row, partial(scored, outputs), splits, shares, per_example))

    def joined(place: int, values: list[Sequence[Tensor]]) -> Measured:
        return _of_split(place, _joined_scores(values, others), shares[place], per_example)

    @cache
    def function(place: int) -> Callable[[Tensor, Tensor], Sequence[Tensor]]:
        return _scoring(splits[place], task, others)

    measurement = Measurement(forward, splits, function, joined, whole, dtype, batch_size, GATHERED)
    if division is None or order is None:
        measured = measured_whole(networks, measurement, order, entries)
    else:
        measured = division.measured(measurement, order, entries)
    return scores(measured, splits, shares, per_example, (task.loss, task.error), others)


def of_outputs(outputs: Tensor, split: Split, task: Task, others: Sequence[Score] = ()) -> Scores:
    """Return the scores of one network whose outputs for a whole split are known.

    Args:
        outputs: (example, ...) for the examples of the split, on its device.
        split: the examples.
        task: what loss and error are.
        others: other scores.

    Raises:
        LmctoolError: as ``evaluate``.
    """
    scored = _joined_scores([_scoring(split, task, others)(outputs, split.targets)], others)
    share = _share(task, split)
    row = _of_split(0, scored, share, per_example=False)
    return scores([row], [split], [share], False, (task.loss, task.error), others)


def _row(
    scored: Callable[[Split], Scored],
    splits: Sequence[Split],
    shares: Sequence[Tensor | None],
    per_example: bool,
) -> Measured:
    """Return what is measured of one network: the means of each split, and each example's."""
    row: Measured = {}
    for place, (split, share) in enumerate(zip(splits, shares, strict=True)):
        row |= _of_split(place, scored(split), share, per_example)
    return row


def _of_split(place: int, scored: Scored, share: Tensor | None, per_example: bool) -> Measured:
    """Return what is measured on the split at a place, of the scores of its examples."""
    loss, error, others = scored
    row = {f"mean.{place}": torch.stack([mean(loss, share), mean(error, share)])}
    if others:
        row[f"other.{place}"] = torch.stack(others)
    if per_example:
        row[f"each.{place}"] = torch.stack([loss, error])
    return row


def mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of (example,) values, by their weights where there are any.

    A value without weight counts for nothing, whatever it is.
    """
    if weights is None:
        return values.mean()
    weighed = torch.where(weights > 0, values * weights, torch.zeros_like(values))
    return weighed.sum() / weights.sum()


def _share(task: Task, split: Split) -> Tensor | None:
    """Return the weight of each example, (example,) float64, or None where all count the same."""
    if task.weight is None:
        return None
    share = task.weight(split.targets).double()
    if not share.sum() > 0:
        raise LmctoolError(f"split {split.name!r} has no target that counts, so nothing to measure")
    return share


def read(
    forward: Forward,
    weights: Mapping[str, Tensor],
    split: Split,
    function: Callable[[Tensor, Tensor], Tensor],
    dtype: torch.dtype,
    batch_size: BatchSize,
    seeding: Callable[[], AbstractContextManager[None]] = nullcontext,
    check: Callable[[Tensor, Tensor], None] | None = None,
) -> Tensor:
    """Return what a function makes of a network's outputs and the targets: (example, ...).

    Args:
        forward: the outputs of networks.
        weights: the network.
        split: the examples.
        function: ``function(outputs, targets)`` of a batch, (example, ...).
        dtype: the dtype of the inputs.
        batch_size: how many examples at once.
        seeding: what the pass over the split is done in.
        check: raises where the function cannot take such outputs and the split's targets; called
            as ``Task.check`` is.

    Raises:
        LmctoolError: a batch does not fit in memory.
    """
    function = _checked(function, check, split)
    with torch.no_grad():
        outputs = forward(weights)
        parts = retried(partial(_batched, outputs, split, function, dtype, batch_size, seeding))
        return torch.cat(parts)


def reading(
    forward: Forward,
    split: Split,
    function: Callable[[Tensor, Tensor], Tensor],
    dtype: torch.dtype,
    batch_size: BatchSize,
    seeding: Callable[[], AbstractContextManager[None]],
    check: Callable[[Tensor, Tensor], None] | None,
) -> Measurement:
    """Return how ``read`` measures one network; its arguments, and ``VALUES`` on the host."""

    def whole(weights: Mapping[str, Tensor]) -> Measured:
        values = read(forward, weights, split, function, dtype, batch_size, seeding, check)
        return {VALUES: values.double().cpu()}

    def each(_: int) -> Callable[[Tensor, Tensor], Sequence[Tensor]]:
        checked = _checked(function, check, split)
        return lambda outputs, targets: [checked(outputs, targets)]

    def joined(_: int, values: list[Sequence[Tensor]]) -> Measured:
        return {VALUES: torch.cat([value for (value,) in values]).double().cpu()}

    return Measurement(forward, [split], each, joined, whole, dtype, batch_size, GATHERED)


def _checked(
    function: Callable[[Tensor, Tensor], Value],
    check: Callable[[Tensor, Tensor], None] | None,
    split: Split,
) -> Callable[[Tensor, Tensor], Value]:
    """Return a function of outputs and targets that first has the split's targets checked."""

    def checked(outputs: Tensor, targets: Tensor) -> Value:
        split.check_targets(check, outputs)
        return function(outputs, targets)

    return checked


def _scores(
    outputs: Outputs,
    split: Split,
    task: Task,
    others: Sequence[Score],
    dtype: torch.dtype,
    batch_size: BatchSize,
    seeding: Callable[[], AbstractContextManager[None]],
) -> Scored:
    """Return the loss and the error of each example, (example,) float64, and other scores."""
    function = _scoring(split, task, others)
    parts = _batched(outputs, split, function, dtype, batch_size, seeding)
    return _joined_scores(parts, others)


def _scoring(
    split: Split, task: Task, others: Sequence[Score]
) -> Callable[[Tensor, Tensor], Sequence[Tensor]]:
    """Return what gives losses, errors and what each other score keeps of a batch of a split."""
    on_split = task.on(split.targets)

    def score(outputs: Tensor, targets: Tensor) -> Sequence[Tensor]:
        losses, errors = on_split.score(outputs, targets)
        return losses, errors, *kept_of(outputs, targets, on_split, others, len(split))

    return _checked(score, on_split.check, split)


def _joined_scores(parts: Sequence[Sequence[Tensor]], others: Sequence[Score]) -> Scored:
    """Return the scores of a split, of what was scored of its batches in order."""
    losses, errors, *kept = zip(*parts, strict=True)
    values = [of_split(other, each) for other, each in zip(others, kept, strict=True)]
    return torch.cat(losses).double(), torch.cat(errors).double(), values


def _batched(
    outputs: Outputs,
    split: Split,
    function: Callable[[Tensor, Tensor], Value],
    dtype: torch.dtype,
    batch_size: BatchSize,
    seeding: Callable[[], AbstractContextManager[None]],
) -> list[Value]:
    """Return what a function makes of batches; they halve when memory runs out."""

    def computed(size: int) -> list[Value]:
        with seeding():
            batches = outputs_of_each(outputs, split.batches(size, dtype))
            return [function(*several) for several in _gathered(batches)]

    return batch_size.fitting(computed)


def _gathered(batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Give small batches of outputs and targets together: fewer calls cost less."""
    gathered: list[tuple[Tensor, Tensor]] = []
    for batch in batches:
        gathered.append(batch)
        if sum(outputs.nbytes for outputs, _ in gathered) >= GATHERED:
            yield joined_batches(gathered)
            gathered = []
    if gathered:
        yield joined_batches(gathered)
