"""The search for a permutation whose repaired midpoint has a low loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool_plugins.aligners.midpoint.descent import Descent
from lmctool_plugins.aligners.midpoint.softening import softened_gradients

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.api import Permutation, Run
    from lmctool.api.advanced import PartedExamples
    from lmctool_plugins.aligners.midpoint.latent import Latent
    from lmctool_plugins.aligners.midpoint.objective import RepairedMidpoint

HOTTEST, COLDEST = 0.2, 0.1
"""The temperature of the first and of the last step."""
CHECK_EVERY = 10
"""Steps from one look at the held-out examples to the next."""


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
        run: the run.
        midpoint: the loss.
        examples: the calibration examples, and their targets.
    """

    run: Run
    midpoint: RepairedMidpoint
    examples: PartedExamples

    def go(self, latent: Latent, steps: int, rate: float) -> Course:
        """Return the course of a search; the scores are changed in place.

        The rate falls to 0 as a half cosine, the temperature geometrically.
        """
        import torch

        from lmctool_plugins.aligners.midpoint.permuted import moves_of

        descent = Descent(list(latent.scores.values()))
        course = Course(latent.hardened())
        losses: list[Tensor] = []
        self._look(course, 0, latent)
        with self.run.progress(steps, "midpoint") as advance:
            for step, batch in zip(range(steps), self.examples.batches(), strict=False):
                temperature = HOTTEST * (COLDEST / HOTTEST) ** (step / steps)
                pace = rate * (1 + math.cos(math.pi * step / steps)) / 2
                moves = moves_of(latent.hardened(), self.run.device, latent.scores)
                loss, _ = self.midpoint.score(moves, *batch)
                for place, gradient in softened_gradients(loss, descent.scores, temperature):
                    descent.move(place, gradient, pace)
                    del gradient  # it would stay through the next step
                losses.append(loss.detach())  # read at the end: each would be waited for
                if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
                    self._look(course, step + 1, latent)
                advance(1)
        course.train = torch.stack(losses).cpu().tolist()
        return course

    def _look(self, course: Course, step: int, latent: Latent) -> None:
        """Score the hardened permutation on the held-out examples."""
        import torch

        from lmctool_plugins.aligners.midpoint.permuted import moves_of

        permutation = latent.hardened()
        moves = moves_of(permutation, self.run.device)
        parts = self.examples.checks
        with torch.no_grad():
            scores = [self.midpoint.score(moves, *self.examples.at(part)) for part in parts]
        lengths = torch.tensor([len(part) for part in parts])
        counts = (lengths / len(self.examples.held_out)).double()
        both = torch.stack([torch.stack(each) for each in zip(*scores, strict=True)]).double().cpu()
        loss, error = (float(each @ counts) for each in both)
        course.look(step, permutation, loss, error)
