"""A callback of the Trainer of transformers that measures the network against a twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.notebook.training.connectivity import Connectivity
from lmctool.plugin.library import import_library

import_library("transformers", "lmctool.TrainerCallback", "callback")
import transformers  # noqa: E402  (it says what to install, if it must)

if TYPE_CHECKING:
    from torch import nn
    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments


class TrainerCallback(transformers.TrainerCallback):  # type: ignore[misc]
    """Logs barrier, distance and gain to a twin, before, during and after a training.

    ``trainer.add_callback(TrainerCallback(trainer, twin, data=...))``.  ``trainer.log`` gets
    ``lmc/barrier.loss``, ``lmc/barrier.error``, ``lmc/gain.loss``, ``lmc/gain.error``,
    ``lmc/distance.l2``, ``.relative`` and ``.cosine``, and of a run the step of the twin,
    ``lmc/twin_step``.  Weights, random states and modes stay as they are: the training is the same
    as without it.  Only the process of rank 0 measures.

    Attributes:
        history: what was logged, by step.
    """

    def __init__(
        self, trainer: Trainer, twin: Any, *, every: int = 1000, network: str = "", **options: Any
    ) -> None:
        """Find the twin.

        Args:
            trainer: the trainer that logs.
            twin: the other network: a path, a state dict or a module; or another run: a folder or
                a pattern of checkpoints over steps, or a dict of networks by step, of which each
                step is measured against the same one or else the nearest before it.
            every: how many steps lie between two measurements.
            network: the attribute of the model that is the network; without it the model is.
            **options: those of ``lmctool.barrier``: ``data``, ``points=5``, ``align=True`` ...

        Raises:
            LmctoolError: the twin cannot be found.
        """
        self._trainer = trainer
        self._connectivity = Connectivity(twin, every=every, network=network, options=options)
        self.history = self._connectivity.history

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module,
        **_: Any,
    ) -> None:
        """Measure, and see that it can be done."""
        if state.is_world_process_zero:
            self._log(control, self._connectivity.begin(model, state.global_step))

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module,
        **_: Any,
    ) -> None:
        """Measure if it is time."""
        if state.is_world_process_zero:
            self._log(control, self._connectivity.after(model, state.global_step))

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module,
        **_: Any,
    ) -> None:
        """Measure the last step."""
        if state.is_world_process_zero:
            self._log(control, self._connectivity.after(model, state.global_step, end=True))

    def _log(self, control: TrainerControl, metrics: dict[str, float]) -> None:
        """Log metrics; the trainer still logs its own where it was about to."""
        if metrics:
            before = control.should_log
            self._trainer.log(metrics)
            control.should_log = before
