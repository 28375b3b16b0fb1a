"""Calibration examples that a search learns on, and those that are held out from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.data.split import Split
    from lmctool.run.run import Run

HELD_OUT = 0.2
"""The share of the calibration examples that no step sees."""
FEWEST = 20
"""Fewer calibration examples leave too few for a batch, and too few to hold out."""


@dataclass(frozen=True, eq=False)
class PartedExamples:
    """Calibration examples, a fifth of them held out.

    Attributes:
        split: the calibration examples.
        dtype: of their inputs.
        size: how many examples a batch has.
        seen: (example,) positions of those that steps see.
        held_out: (example,) positions of those held out.
        generator: draws the batches, and whatever else a search draws.
    """

    split: Split
    dtype: torch.dtype
    size: int
    seen: Tensor
    held_out: Tensor
    generator: torch.Generator

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Give batches of what steps see without end; a round through them shows none twice."""
        while True:
            order = self.seen[torch.randperm(len(self.seen), generator=self.generator)]
            # what is left over is too small a batch for its statistics, and comes another round
            for start in range(0, len(order) - self.size + 1, self.size):
                yield self.at(order[start : start + self.size])

    @property
    def checks(self) -> tuple[Tensor, ...]:
        """The positions of those held out, in batches.

        They are of about one size: a small last one would be normalised by few examples.
        """
        return self.held_out.tensor_split(-(-len(self.held_out) // self.size))

    def at(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs and targets of the examples at positions, in order."""
        return self.split.at(positions, self.dtype)


def parted_examples(run: Run, name: str, size: int) -> PartedExamples:
    """Return a run's calibration examples, parted by its seed.

    Args:
        run: the run.
        name: the aligner that learns on them, which has a generator of its own.
        size: how many examples a batch has; all that steps see where there are fewer.

    Raises:
        LmctoolError: there are too few of them.
    """
    split = run.calibration.split
    count = len(split)
    if count < FEWEST:
        raise LmctoolError(
            f"aligner {name!r} needs {FEWEST} calibration examples or more, not {count};"
            " raise --calib-size"
        )
    generator = run.generator(name)
    order = torch.randperm(count, generator=generator)
    held_out, seen = order[: round(HELD_OUT * count)], order[round(HELD_OUT * count) :]
    return PartedExamples(split, run.dtype, min(size, len(seen)), seen, held_out, generator)
