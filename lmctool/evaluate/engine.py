"""The evaluation of many networks over splits of data: one pass a network gives everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

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
        Means over the examples, summed in float64.
    """
    cells: list[list[tuple[Tensor, Tensor]]] = []
    with torch.no_grad():
        for weights in networks:
            row = []
            for split in splits:
                loss, error = _scores(forward, weights, split, task, dtype, batch_size)
                row.append((loss, error) if per_example else (loss.mean(), error.mean()))
                advance(1)
            cells.append(row)
    means = np.array([[[value.mean().item() for value in cell] for cell in row] for row in cells])
    means = means.reshape(len(cells), len(splits), 2)
    kept = dict(enumerate(splits)) if per_example else {}
    return Scores(
        splits=tuple(split.name for split in splits),
        loss=means[:, :, 0].T,
        error=means[:, :, 1].T,
        losses={split.name: _stack([row[n][0] for row in cells]) for n, split in kept.items()},
        errors={split.name: _stack([row[n][1] for row in cells]) for n, split in kept.items()},
    )


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


def _scores(
    forward: Forward,
    weights: Mapping[str, Tensor],
    split: Split,
    task: Task,
    dtype: torch.dtype,
    batch_size: BatchSize,
) -> tuple[Tensor, Tensor]:
    """Return the loss and the error of each example, (example,) float64."""
    while True:
        try:
            parts = [
                task.score(forward(weights, inputs), targets)
                for inputs, targets in split.batches(batch_size.size, dtype)
            ]
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            batch_size.halve(error)
        else:
            losses, errors = zip(*parts, strict=True)
            return torch.cat(losses).double(), torch.cat(errors).double()


def _stack(rows: Sequence[Tensor]) -> NDArray[np.float64]:
    return torch.stack(list(rows)).cpu().numpy()
