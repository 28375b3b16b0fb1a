"""A callback of Lightning that measures the network in training against a twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.notebook.training.connectivity import Connectivity
from lmctool.plugin.library import import_library

import_library("lightning", "lmctool.LightningCallback", "callback")
from lightning.pytorch import Callback  # noqa: E402  (it says what to install, if it must)

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer


class LightningCallback(Callback):  # type: ignore[misc]
    """Logs barrier, distance and gain to a twin, before, during and after a training.

    The trainer's loggers get ``lmc/barrier.loss``, ``lmc/barrier.error``, ``lmc/gain.loss``,
    ``lmc/gain.error``, ``lmc/distance.l2``, ``.relative`` and ``.cosine``, and of a run the step
    of the twin, ``lmc/twin_step``.  Weights, random states and modes stay as they are: the training
    is the same as without it.  Only the process of rank 0 measures.

    Attributes:
        history: what was logged, by step.
    """

    def __init__(self, twin: Any, *, every: int = 1000, network: str = "", **options: Any) -> None:
        """Find the twin.

        Args:
            twin: the other network: a path, a state dict or a module; or another run: a folder or
                a pattern of checkpoints over steps, or a dict of networks by step, of which each
                step is measured against the same one or else the nearest before it.
            every: how many steps lie between two measurements.
            network: the attribute of the LightningModule that is the network, such as ``model``;
                without it the LightningModule is.
            **options: those of ``lmctool.barrier``: ``data``, ``points=5``, ``align=True`` ...

        Raises:
            LmctoolError: the twin cannot be found.
        """
        self._connectivity = Connectivity(twin, every=every, network=network, options=options)
        self.history = self._connectivity.history

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure, and see that it can be done."""
        if trainer.is_global_zero:
            _log(trainer, self._connectivity.begin(pl_module, trainer.global_step))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Measure if it is time."""
        if trainer.is_global_zero:
            _log(trainer, self._connectivity.after(pl_module, trainer.global_step))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the last step."""
        if trainer.is_global_zero:
            _log(trainer, self._connectivity.after(pl_module, trainer.global_step, end=True))


def _log(trainer: Trainer, metrics: dict[str, float]) -> None:
    """Pass metrics to the loggers, also at steps that the trainer itself doesn't log."""
    for logger in trainer.loggers if metrics else ():
        logger.log_metrics(metrics, step=trainer.global_step)
