"""The loss that is lowered: by labels, or by what both ends answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from lmctool.api import Run, Weights

Goal = Literal["labels", "ends"]


@dataclass(frozen=True, eq=False)
class Objective:
    """Scores networks on batches of calibration examples.

    Attributes:
        run: the run.
        ends: the two networks whose answers are the goal; None for labels.
    """

    run: Run
    ends: tuple[Weights, Weights] | None

    def losses(self, networks: Iterable[Weights], batch: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Return the mean loss of each network on a batch, in nats; gradients flow to it.

        BatchNorms normalise by the batch: interpolated statistics are those of no network.
        """
        inputs, targets = batch
        norms = bool(self.run.resources.batchnorms)
        if self.ends is None:
            return [self.run.loss(each, batch, batch_statistics=norms) for each in networks]
        goal = self._goal(inputs, targets)
        return [
            self._cross_entropy(
                goal, self.run.outputs(each, inputs, batch_statistics=norms), targets
            )
            for each in networks
        ]

    def _goal(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return (item, class) the mean of the probabilities that the ends give."""
        import torch

        assert self.ends is not None
        with torch.no_grad():
            a, b = (
                self._logits(self.run.outputs(end, inputs), targets).softmax(-1)
                for end in self.ends
            )
        return (a + b) / 2

    def _cross_entropy(self, goal: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        chances = self._logits(outputs, targets).log_softmax(-1)
        return -(goal * chances).sum(-1).mean()

    def _logits(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return (item, class) logits of the items that count.

        Raises:
            LmctoolError: the task has no classes of which each item has one.
        """
        import torch

        from lmctool.api.advanced import class_logits

        task = self.run.task
        assert task is not None
        split = self.run.calibration.split
        if split.unlike:  # no labels: those of the data say which items there are
            usual = self.run.splits[0].targets
            targets = usual.new_zeros(len(targets), *usual.shape[1:])
        answers, right = (None, None) if task.answers is None else task.answers(outputs, targets)
        if answers is None or right is None or right.ndim != 1:
            raise LmctoolError(
                f"--goal ends needs a task with one class for each item, and task"
                f" {self.run.task_name!r} is none; use --goal labels"
            )
        return class_logits(answers if answers.dtype == torch.float64 else answers.float())


def objective(run: Run, a: Weights, b: Weights, goal: Goal | None) -> Objective:
    """Return the objective by labels or by the ends; by labels unless there are none.

    Raises:
        LmctoolError: labels are asked for that the calibration examples do not have.
    """
    missing = run.calibration.split.unlike
    if goal == "labels" and missing:
        raise LmctoolError(f"{missing}; use --goal ends, which needs none")
    by_ends = goal == "ends" or (goal is None and bool(missing))
    return Objective(run, (a, b) if by_ends else None)
