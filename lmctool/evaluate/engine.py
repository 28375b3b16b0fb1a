"""The evaluation of many networks over splits of data: one pass a network gives everything."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.evaluate.functional import outputs_of_each
from lmctool.evaluate.measured import Measured, arrays, scores
from lmctool.evaluate.other_scores import kept_of, of_split
from lmctool.evaluate.verified import retried
from lmctool.results.journal import NO_JOURNAL, Entries
from lmctool.weights.lazy_networks import candidates

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
        order: the numbers of the networks in the order to measure them, as ``candidates`` has it.
        entries: keep what is measured of each network, and know what was before.
        seeding: what each pass of a network over a split is done in, for those that draw random
            numbers.
        others: other scores, computed in the same pass.

    Returns:
        Means over the examples, by their weight where the task has one, summed in float64.

    Raises:
        LmctoolError: no example of a split has any weight, a batch does not fit in memory, or
            another score cannot be taken of what the task tells.
    """
    shares = [_share(task, split) for split in splits]

    def scored(outputs: Outputs, split: Split) -> Scored:
        return _scores(outputs, split, task, others, dtype, batch_size, seeding)

    rows: dict[int, Measured] = {}
    for number, network in candidates(networks, order):  # whose plugins may learn: with gradients
        entry = entries.entry(network.identity)
        if entry.arrays is not None:
            row = {name: torch.from_numpy(array) for name, array in entry.arrays.items()}
        else:
            weights = network.weights()
            with torch.no_grad():
                outputs = forward(weights)
                row = retried(partial(_row, partial(scored, outputs), splits, shares, per_example))
                del outputs, weights
            entry.keep(partial(arrays, row))
        rows[number] = row
        del network  # before the next network is formed
    measured = [rows[number] for number in sorted(rows)]
    return scores(measured, splits, shares, per_example, (task.loss, task.error), others)


def _row(
    scored: Callable[[Split], Scored],
    splits: Sequence[Split],
    shares: Sequence[Tensor | None],
    per_example: bool,
) -> Measured:
    """Return what is measured of one network: the means of each split, and each example's."""
    row: Measured = {}
    for place, (split, share) in enumerate(zip(splits, shares, strict=True)):
        loss, error, others = scored(split)
        row[f"mean.{place}"] = torch.stack([mean(loss, share), mean(error, share)])
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
    task = task.on(split.targets)

    def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        losses, errors = task.score(outputs, targets)
        return losses, errors, kept_of(outputs, targets, task, others, len(split))

    function = _checked(score, task.check, split)
    parts = _batched(outputs, split, function, dtype, batch_size, seeding)
    losses, errors, kept = zip(*parts, strict=True)
    by_score = zip(others, zip(*kept, strict=True), strict=True)
    values = [of_split(other, each) for other, each in by_score]
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
            yield _joined(gathered)
            gathered = []
    if gathered:
        yield _joined(gathered)


def _joined(batches: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    if len(batches) == 1:
        return batches[0]
    outputs, targets = zip(*batches, strict=True)
    return torch.cat(outputs), torch.cat(targets)
