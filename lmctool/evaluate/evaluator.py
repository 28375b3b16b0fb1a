"""What a run measures of networks: one pass over a split each, and each checkpoint only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from lmctool.evaluate.autotune import fastest
from lmctool.evaluate.device import Precision, casting
from lmctool.evaluate.engine import evaluate, needed, read
from lmctool.evaluate.input_check import refuse_misfit
from lmctool.evaluate.scores import Scores
from lmctool.evaluate.strategy import Strategy, Word, chosen
from lmctool.weights.lazy_networks import LazyNetworks

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch
    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.evaluate.batch_size import BatchSize
    from lmctool.evaluate.functional import Network
    from lmctool.plugin.kinds import Task
    from lmctool.plugin.progress import Progress
    from lmctool.results.journal import Step, Units

Weights = Mapping[str, Tensor]


@dataclass
class Scoring:
    """Measures networks in the arithmetic of a run.

    Attributes:
        network: the model.
        word: the strategy that the user asked for.
        task: what loss and error mean.
        device: where the work is done.
        dtype: the dtype of the inputs.
        precision: the precision of matrix products and convolutions.
        batch_size: examples at once.
        progress: tells the user how far it is.
        units: what was finished before, and keeps what is finished now.
        strategy: how networks are evaluated, once one was.
    """

    network: Network
    word: Word
    task: Task
    device: torch.device
    dtype: torch.dtype
    precision: Precision
    batch_size: BatchSize
    progress: Progress
    units: Units
    strategy: Strategy | None = None
    _kept: dict[tuple[int, Split], Scores] = field(default_factory=dict)

    def evaluate(
        self,
        networks: Iterable[Weights],
        splits: Sequence[Split],
        *,
        count: int | None,
        per_example: bool,
        description: str,
        indices: Sequence[int] = (),
    ) -> Scores:
        """Return loss and error of every network on every split; see ``engine.evaluate``.

        Args:
            networks: weights of each network.
            splits: the splits.
            count: how many networks there are, where they are no sequence.
            per_example: keep the loss and error of each example.
            description: what the progress bar says.
            indices: which checkpoints the networks are, if they are some.
        """
        total = len(networks) if isinstance(networks, Sequence) else count or 0
        about = description, splits, per_example, indices
        with (
            self.step(*about, counted=not indices) as step,
            self.progress(total * len(splits), description) as advance,
            casting(self.precision, self.device),
        ):
            return evaluate(
                self.settled(splits[0]).forward,
                networks,
                splits,
                self.task,
                dtype=self.dtype,
                batch_size=self.batch_size,
                per_example=per_example,
                advance=advance,
                step=step,
            )

    def step(
        self, description: str, splits: Sequence[Split], *about: object, counted: bool = True
    ) -> AbstractContextManager[Step]:
        """Open the step of a run that an evaluation is."""
        digests = [split.digest for split in splits]
        return self.units.step("evaluate", description, digests, *about, counted=counted)

    def settled(self, split: Split) -> Strategy:
        """Return how networks are evaluated, which the first split decides.

        Raises:
            LmctoolError: the strategy that the user asked for cannot be had.
        """
        if self.strategy is None:
            refuse_misfit(self.network, split.head(2, self.dtype), split.name)
            timed = self.word == "measure" or (self.word == "auto" and self.device.type == "cuda")
            if timed:
                size = self.batch_size.size if self.batch_size.fixed else None
                self.strategy = fastest(self.network, split, self.dtype, size)
            else:
                self.strategy = chosen(self.word, self.network, split.head(2, self.dtype))
            threads = self.strategy.workers
            share = -(-len(split) // threads.count) if threads else len(split)
            self.batch_size.settle(min(self.strategy.size, share))
        return self.strategy

    def of_checkpoints(
        self,
        weights: Callable[[int], Weights],
        indices: Sequence[int],
        splits: Sequence[Split],
    ) -> Scores:
        """Return the scores of checkpoints, per example too; each is evaluated only once.

        Args:
            weights: the weights of a checkpoint by its index.
            indices: which checkpoints.
            splits: the splits.
        """
        for split in splits:
            new = [n for n in dict.fromkeys(indices) if (n, split) not in self._kept]
            if not new:
                continue
            scores = self.evaluate(
                LazyNetworks(weights, new),
                [split],
                count=None,
                per_example=True,
                description="ends",
                indices=new,
            )
            for place, index in enumerate(new):
                self._kept[index, split] = _only(scores, place)
        return _together([[self._kept[index, split] for index in indices] for split in splits])

    def read(
        self,
        networks: Iterable[Weights],
        split: Split,
        function: Callable[[Tensor, Tensor], Tensor],
        *,
        count: int | None,
        description: str,
    ) -> list[NDArray[np.float64]]:
        """Return what a function makes of each network's outputs, (example, ...) each."""
        total = len(networks) if isinstance(networks, Sequence) else count or 0
        found = []
        with (
            self.step(description, [split], "read") as step,
            self.progress(total, description) as advance,
            casting(self.precision, self.device),
        ):
            forward = self.settled(split).forward
            for number, weights in enumerate(needed(networks, step)):
                unit = step.get(number)
                if unit is None:
                    values = read(forward, weights, split, function, self.dtype, self.batch_size)
                    unit = {"values": values.double().cpu().numpy()}
                    step.keep(number, partial(dict, unit))
                found.append(unit["values"])
                advance(1)
        return found


def _only(scores: Scores, place: int) -> Scores:
    """Return the scores of one network of several."""
    return Scores(
        scores.splits,
        scores.loss[:, place : place + 1],
        scores.error[:, place : place + 1],
        {name: values[place : place + 1] for name, values in scores.losses.items()},
        {name: values[place : place + 1] for name, values in scores.errors.items()},
        scores.weights,
    )


def _together(rows: list[list[Scores]]) -> Scores:
    """Return one record of the scores of single networks, a row for each split."""
    names = [row[0].splits[0] for row in rows]
    return Scores(
        tuple(names),
        np.concatenate([np.hstack([each.loss for each in row]) for row in rows]),
        np.concatenate([np.hstack([each.error for each in row]) for row in rows]),
        {
            name: np.vstack([e.losses[name] for e in row])
            for name, row in zip(names, rows, strict=True)
        },
        {
            name: np.vstack([e.errors[name] for e in row])
            for name, row in zip(names, rows, strict=True)
        },
        {name: share for row in rows for name, share in row[0].weights.items()},
    )
