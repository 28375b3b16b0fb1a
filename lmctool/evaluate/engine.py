"""The evaluation of many networks over splits of data: one pass a network gives everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.evaluate.scores import Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.seam import Task

Forward = Callable[[Mapping[str, Tensor], Tensor], Tensor]
Value = TypeVar("Value")


def evaluate(
    forward: Forward,
    networks: Iterable[Mapping[str, Tensor]],
    splits: Sequence[Split],
    task: Task,
    *,
    dtype: torch.dtype,
    batch_size: BatchSize,
    per_example: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Scores:
    """Return loss and error of every network on every split.

    Args:
        forward: outputs of (weights, inputs).
        networks: the weights of each network, taken one at a time, so that a generator of points
            on a path never holds more than one.
        splits: the splits.
        task: what loss and error mean.
        dtype: the dtype of the inputs.
        batch_size: how many examples at once; halves itself when memory runs out.
        per_example: keep the loss and error of each example.
        advance: called with 1 after each network and split.

    Returns:
        Means over the examples, by their weight where the task has one, summed in float64.

    Raises:
        LmctoolError: no example of a split has any weight, or a batch does not fit in memory.
    """
    shares = [_share(task, split) for split in splits]
    cells: list[list[tuple[Tensor, Tensor]]] = []
    kept: list[list[tuple[Tensor, Tensor]]] = [[] for _ in splits]
    with torch.no_grad():
        for weights in networks:
            row = []
            for split, share, examples in zip(splits, shares, kept, strict=True):
                loss, error = _scores(forward, weights, split, task, dtype, batch_size)
                row.append((mean(loss, share), mean(error, share)))
                if per_example:
                    examples.append((loss, error))
                advance(1)
            cells.append(row)
    means = np.array([[[value.item() for value in cell] for cell in row] for row in cells])
    means = means.reshape(len(cells), len(splits), 2)
    names = tuple(split.name for split in splits)
    pairs = zip(splits, kept, strict=True) if per_example else ()
    single = {
        split.name: [_stack([row[part] for row in rows], len(split)) for part in (0, 1)]
        for split, rows in pairs
    }
    return Scores(
        splits=names,
        loss=means[:, :, 0].T,
        error=means[:, :, 1].T,
        losses={name: losses for name, (losses, _) in single.items()},
        errors={name: errors for name, (_, errors) in single.items()},
        weights={
            name: share.cpu().numpy()
            for name, share in zip(names, shares, strict=True)
            if per_example and share is not None
        },
    )


def mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of (example,) values, by their weights where there are any.

    A value without weight counts for nothing, whatever it is.
    """
    if weights is None:
        return values.mean()
    weighed = torch.where(weights > 0, values * weights, torch.zeros_like(values))
    return weighed.sum() / weights.sum()


class BatchSize:
    """How many examples are evaluated at once; halves when memory runs out.

    Attributes:
        size: examples.
        fixed: whether the user chose it: then running out of memory is an error.
    """

    def __init__(self, chosen: int | None, automatic: int = 256) -> None:
        """Take the user's choice, or start from the automatic size."""
        self.size = chosen or automatic
        self.fixed = chosen is not None

    def halve(self, cause: BaseException) -> None:
        """Take half as many from now on.

        Raises:
            LmctoolError: the user chose the size, or one example is already too many.
        """
        if self.fixed or self.size == 1:
            raise LmctoolError(
                f"a batch of {self.size} examples does not fit in memory;"
                f" try --batch-size {max(1, self.size // 2)} or another --device"
            ) from cause
        self.size //= 2


def out_of_memory(error: RuntimeError) -> bool:
    """Tell whether an error says that memory ran out, on the GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


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
) -> Tensor:
    """Return what a function makes of a network's outputs and the targets: (example, ...).

    Args:
        forward: outputs of (weights, inputs).
        weights: the network.
        split: the examples.
        function: ``function(outputs, targets)`` of a batch, (example, ...).
        dtype: the dtype of the inputs.
        batch_size: how many examples at once.

    Raises:
        LmctoolError: a batch does not fit in memory.
    """
    with torch.no_grad():
        return torch.cat(_batched(forward, weights, split, function, dtype, batch_size))


def _scores(
    forward: Forward,
    weights: Mapping[str, Tensor],
    split: Split,
    task: Task,
    dtype: torch.dtype,
    batch_size: BatchSize,
) -> tuple[Tensor, Tensor]:
    """Return the loss and the error of each example, (example,) float64."""
    parts = _batched(forward, weights, split, task.score, dtype, batch_size)
    losses, errors = zip(*parts, strict=True)
    return torch.cat(losses).double(), torch.cat(errors).double()


def _batched(
    forward: Forward,
    weights: Mapping[str, Tensor],
    split: Split,
    function: Callable[[Tensor, Tensor], Value],
    dtype: torch.dtype,
    batch_size: BatchSize,
) -> list[Value]:
    """Return what a function makes of each batch; batches halve when memory runs out."""
    while True:
        try:
            return [
                function(forward(weights, inputs), targets)
                for inputs, targets in split.batches(batch_size.size, dtype)
            ]
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            batch_size.halve(error)


def _stack(rows: Sequence[Tensor], count: int) -> NDArray[np.float64]:
    """Return (network, example) of the values of ``count`` examples of each network."""
    return torch.stack(list(rows)).cpu().numpy() if rows else np.empty((0, count))
