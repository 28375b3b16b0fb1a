"""The search for a permutation whose repaired midpoint has a low loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool_plugins.aligners.midpoint.descent import Descent

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

    from lmctool.api import Permutation, Run
    from lmctool_plugins.aligners.midpoint.latent import Latent
    from lmctool_plugins.aligners.midpoint.objective import RepairedMidpoint

HOTTEST, COLDEST = 0.2, 0.1
"""The temperature of the first and of the last step."""
HELD_OUT = 0.2
"""The share of the calibration examples that no step sees."""
CHECK_EVERY = 10
"""Steps from one look at the held-out examples to the next."""
FEWEST = 20
"""Fewer calibration examples leave too few for a batch's statistics."""


@dataclass(eq=False)
class Course:
    """What a search saw, and the best it found.

    Attributes:
        train: the loss of each step's batch, in nats.
        checks: the step of each look at the held-out examples; their loss, in nats, and error.
        best: the permutation of the lowest held-out loss.
        kept: the step it was found before.
    """

    best: Permutation
    kept: int = 0
    train: list[float] = field(default_factory=list)
    checks: list[tuple[int, float, float]] = field(default_factory=list)

    def look(self, step: int, permutation: Permutation, loss: float, error: float) -> None:
        """Note what the held-out examples say before a step; keep the permutation if it's best."""
        # the first look is at the start, which so stays unless something is strictly better
        if loss < min((seen for _, seen, _ in self.checks), default=math.inf):
            self.best, self.kept = permutation, step
        self.checks.append((step, loss, error))


@dataclass(frozen=True, eq=False)
class Search:
    """Changes scores so that the repaired midpoint of their permutation has a lower loss.

    Attributes:
        run: the run; only its calibration examples and their targets are used.
        midpoint: the loss.
        batch: how many examples a step sees.
        seen: (example,) positions of the calibration examples that steps see.
        held_out: (example,) positions of those held out.
        generator: draws the batches.
    """

    run: Run
    midpoint: RepairedMidpoint
    batch: int
    seen: Tensor
    held_out: Tensor
    generator: torch.Generator

    def go(self, latent: Latent, steps: int, rate: float) -> Course:
        """Return the course of a search; the scores are changed in place.

        The rate falls to 0 as a half cosine, the temperature geometrically.
        """
        import torch

        descent = Descent(list(latent.scores.values()))
        course = Course(latent.hardened())
        losses: list[Tensor] = []
        self._look(course, 0, latent)
        with self.run.progress(steps, "midpoint") as advance:
            for step, positions in zip(range(steps), self._batches(), strict=False):
                temperature = HOTTEST * (COLDEST / HOTTEST) ** (step / steps)
                examples = self._examples(positions)
                loss, _ = self.midpoint.score(latent.matrices(temperature), *examples)
                descent.step(loss, rate * (1 + math.cos(math.pi * step / steps)) / 2)
                losses.append(loss.detach())  # read at the end: each would be waited for
                if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
                    self._look(course, step + 1, latent)
                advance(1)
        course.train = torch.stack(losses).cpu().tolist()
        return course

    def _look(self, course: Course, step: int, latent: Latent) -> None:
        """Score the hardened permutation on the held-out examples."""
        import torch

        from lmctool.api.advanced import permutation_matrices

        permutation = latent.hardened()
        mixing = permutation_matrices(permutation, next(iter(latent.scores.values())))
        # parts of about one size: a small last one would be renormalised by few examples
        parts = self.held_out.tensor_split(-(-len(self.held_out) // self.batch))
        with torch.no_grad():
            scores = [self.midpoint.score(mixing, *self._examples(part)) for part in parts]
        counts = (torch.tensor([len(part) for part in parts]) / len(self.held_out)).double()
        both = torch.stack([torch.stack(each) for each in zip(*scores, strict=True)]).double().cpu()
        loss, error = (float(each @ counts) for each in both)
        course.look(step, permutation, loss, error)

    def _examples(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        return self.run.calibration.split.at(positions, self.run.dtype)

    def _batches(self) -> Iterator[Tensor]:
        """Give the positions of batches without end; a round through them shows none twice."""
        import torch

        while True:
            order = self.seen[torch.randperm(len(self.seen), generator=self.generator)]
            # what is left over is too small a batch for its statistics, and comes another round
            for start in range(0, len(order) - self.batch + 1, self.batch):
                yield order[start : start + self.batch]


def search(run: Run, midpoint: RepairedMidpoint, batch: int) -> Search:
    """Return a search over the calibration examples, parted by the run's seed.

    Raises:
        LmctoolError: there are too few of them.
    """
    import torch

    count = len(run.calibration.split)
    if count < FEWEST:
        raise LmctoolError(
            f"aligner 'midpoint' needs {FEWEST} calibration examples or more, not {count};"
            " raise --calib-size"
        )
    generator = run.generator("midpoint")
    order = torch.randperm(count, generator=generator)
    held_out, seen = order[: round(HELD_OUT * count)], order[round(HELD_OUT * count) :]
    return Search(run, midpoint, min(batch, len(seen)), seen, held_out, generator)
