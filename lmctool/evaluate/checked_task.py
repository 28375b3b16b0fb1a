"""A task of somebody else's code, whose every answer is looked at before it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lmctool.errors import LmctoolError, PluginError, machine_failure
from lmctool.plugin.exits import no_exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from lmctool.plugin.records import Task

PAIR = "the loss and the error of each example"


def checked(
    task: Task,
    who: str,
    *,
    running: Callable[[], AbstractContextManager[None]] | None = None,
    values: bool = False,
) -> Task:
    """Return a task that refuses what its code may not return, in a sentence that names it.

    Args:
        task: what somebody else's code made.
        who: what to call it.
        running: what its code runs in; by default an exit that it asks for is refused.
        values: whether each number is looked at too, which on a GPU is a wait for each batch.
    """
    code = _Code(task, who, running or partial(no_exit, who), values)
    return replace(
        task,
        score=code.score,
        chance=code.chance,
        check=task.check and code.check,
        weight=task.weight and code.weight,
        chance_loss=task.chance_loss and code.chance_loss,
        answers=task.answers and code.answers,
        of_split=task.of_split and code.of_split,
    )


@dataclass(frozen=True, slots=True)
class _Code:
    """The functions of a task, called and looked at."""

    task: Task
    who: str
    running: Callable[[], AbstractContextManager[None]]
    values: bool

    def score(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the error of each example, (example,) floats both."""
        pair = self._called(self.task.score, outputs, targets)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise self._fault(f"{type(pair).__name__!r}, not {PAIR}")
        loss, error = (
            self._of_examples(value, outputs, name)
            for name, value in zip(("a loss", "an error"), pair, strict=True)
        )
        if self.values:
            self._check_values(loss, error, outputs, targets)
        return loss, error

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Check the targets of a split."""
        assert self.task.check is not None
        self._called(self.task.check, outputs, targets)

    def weight(self, targets: Tensor) -> Tensor:
        """Return how much each example counts, (example,)."""
        assert self.task.weight is not None
        weight = self._called(self.task.weight, targets)
        weight = self._of_examples(weight, targets, "a weight")
        if not bool((weight.isfinite() & (weight >= 0)).all()):
            raise self._fault("weights of examples that are below 0 or no numbers")
        return weight

    def answers(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return what other scores judge of each item, and what is right, (item, ...) both."""
        assert self.task.answers is not None
        pair = self._called(self.task.answers, outputs, targets)
        tensors = isinstance(pair, tuple) and all(isinstance(part, Tensor) for part in pair)
        if not tensors or len(pair) != 2 or pair[0].shape[:1] != pair[1].shape[:1]:
            raise self._fault("answers that are no two tensors of so many items")
        answers, right = pair
        return answers, right

    def chance(self, targets: NDArray[Any]) -> float:
        """Return the error of the best constant answer."""
        return self._number(self.task.chance, targets)

    def chance_loss(self, targets: NDArray[Any]) -> float:
        """Return the loss of the best constant answer."""
        assert self.task.chance_loss is not None
        return self._number(self.task.chance_loss, targets)

    def of_split(self, targets: Tensor) -> Task:
        """Return the task of a split, looked at likewise."""
        assert self.task.of_split is not None
        task = self._called(self.task.of_split, targets)
        if not isinstance(task, type(self.task)):
            raise self._fault(f"{type(task).__name__!r} for a split, not an lmctool.api.Task")
        whole = replace(task, of_split=None)
        return checked(whole, self.who, running=self.running, values=self.values)

    def _called(self, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            with self.running():
                return function(*arguments)
        except LmctoolError:
            raise
        except Exception as cause:  # somebody else's code
            if machine_failure(cause):
                raise
            raise PluginError(f"{self.who} failed: {type(cause).__name__}: {cause}") from cause

    def _of_examples(self, value: object, batch: Tensor, name: str) -> Tensor:
        """Return numbers of examples as floats that carry a gradient only where one is asked for.

        Raises:
            PluginError: they are none, or not one for each example of a batch, on its device.
        """
        if not isinstance(value, Tensor):
            raise self._fault(f"{name} of type {type(value).__name__!r}, not a tensor")
        if value.shape != batch.shape[:1]:
            mean = "; leave the mean out (reduction='none')" if value.ndim == 0 else ""
            raise self._fault(
                f"{name} of shape {tuple(value.shape)} for {len(batch)} examples, not one number"
                f" for each{mean}"
            )
        if value.device != batch.device:
            raise self._fault(f"{name} on {value.device} for outputs on {batch.device}")
        if value.is_complex():
            raise self._fault(f"{name} of complex numbers")
        value = value if value.dtype in {torch.float32, torch.float64} else value.double()
        return value if torch.is_grad_enabled() else value.detach()

    def _check_values(self, loss: Tensor, error: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Check the numbers of examples that count and whose outputs are numbers.

        Raises:
            PluginError: one is none, or an error is none that the task's metric can have.
        """
        counts = outputs.detach().reshape(len(outputs), -1).isfinite().all(dim=1)
        if self.task.weight is not None:
            counts &= self.weight(targets) > 0
        metric = self.task.error
        faults = {
            "a loss": ~loss.isfinite(),
            "an error": ~error.isfinite(),
            f"an error outside {metric.low:g} to {metric.high:g},": (error < metric.low)
            | (error > metric.high),
        }
        found = torch.stack([counts & fault for fault in faults.values()])
        if not bool(found.any()):
            return
        place, example = (int(each) for each in found.nonzero()[0])
        value = float((loss if place == 0 else error)[example])
        more = "; a Task says another range by its error=ScoreMetric(...)" if place == 2 else ""
        raise self._fault(f"{list(faults)[place]} of {value:g} for outputs that are numbers{more}")

    def _number(self, function: Callable[[NDArray[Any]], float], targets: NDArray[Any]) -> float:
        value = self._called(function, targets)
        try:
            return float(value)
        except (TypeError, ValueError) as cause:
            raise self._fault(f"a chance of type {type(value).__name__!r}, no number") from cause

    def _fault(self, what: str) -> PluginError:
        return PluginError(f"{self.who} returned {what}")
