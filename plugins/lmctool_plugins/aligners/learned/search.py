"""The search for maps under which networks between A and B have a low loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.api import Run
    from lmctool.api.advanced import PartedExamples
    from lmctool_plugins.aligners.learned.between import Between
    from lmctool_plugins.aligners.learned.objective import Objective

NEAREST, FARTHEST = 0.2, 0.8
"""Between which alphas a step's network lies: at one alone, its neighbours would get worse."""
CHECKED = (0.25, 0.5, 0.75)
"""The alphas whose mean loss held-out examples have."""
CHECK_EVERY = 25
"""Steps from one look at the held-out examples to the next."""
WARM_UP = 0.1
"""The share of steps in which the learning rate rises."""


@dataclass(eq=False)
class Course:
    """What a search saw, and the best it found.

    Attributes:
        best: the numbers of each group's map of the lowest held-out loss.
        kept: the step they were found before.
        train: the loss of each step's batch, in nats.
        checks: the step of each look at the held-out examples, and their loss in nats.
    """

    best: Mapping[str, Tensor]
    kept: int = 0
    train: list[float] = field(default_factory=list)
    checks: list[tuple[int, float]] = field(default_factory=list)

    def look(self, step: int, numbers: Mapping[str, Tensor], loss: float) -> None:
        """Note what the held-out examples say before a step; keep the numbers if it's best."""
        # the first look is at the start, which so stays unless something is strictly better
        if loss < min((seen for _, seen in self.checks), default=math.inf):
            self.best = {group: each.detach().clone() for group, each in numbers.items()}
            self.kept = step
        self.checks.append((step, loss))


@dataclass(frozen=True, eq=False)
class Search:
    """Changes maps so that networks between A and the mapped B have a lower loss.

    Attributes:
        run: the run.
        between: the networks.
        objective: their loss.
        examples: the calibration examples, whose generator draws the alphas, too.
    """

    run: Run
    between: Between
    objective: Objective
    examples: PartedExamples

    def go(self, steps: int, rate: float) -> Course:
        """Return the course of a search from the start, by Adam (Kingma and Ba 2015)."""
        import torch

        dtype = torch.promote_types(self.run.dtype, torch.float32)
        numbers = {group: each.numbers(dtype) for group, each in self.between.maps.items()}
        descent = torch.optim.Adam(numbers.values(), lr=rate)
        course = Course(numbers)
        losses: list[Tensor] = []
        self._look(course, 0, numbers)
        with self.run.progress(steps, "learned") as advance:
            for step, batch in zip(range(steps), self.examples.batches(), strict=False):
                descent.param_groups[0]["lr"] = rate * share(step, steps)
                networks = self.between.at([self._alpha()], numbers)
                (loss,) = self.objective.losses(networks, batch)
                descent.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                descent.step()
                losses.append(loss.detach())  # read at the end: each would be waited for
                if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
                    self._look(course, step + 1, numbers)
                advance(1)
        course.train = torch.stack(losses).cpu().tolist()
        return course

    def _look(self, course: Course, step: int, numbers: Mapping[str, Tensor]) -> None:
        """Score the maps on the held-out examples."""
        import torch

        parts = self.examples.checks
        with torch.no_grad():
            losses = [
                torch.stack(
                    self.objective.losses(self.between.at(CHECKED, numbers), self.examples.at(part))
                ).mean()
                for part in parts
            ]
        counts = torch.tensor([len(part) for part in parts]).double()
        counts /= len(self.examples.held_out)
        course.look(step, numbers, float(torch.stack(losses).double().cpu() @ counts))

    def _alpha(self) -> float:
        import torch

        place = float(torch.rand((), generator=self.examples.generator))
        return NEAREST + (FARTHEST - NEAREST) * place


def share(step: int, steps: int) -> float:
    """Return the share of the learning rate that a step has: a linear rise, then a half cosine."""
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2
