"""The temperature of the written network, and what it scores with its logits divided by it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LmctoolError, Variable
from lmctool.api.advanced import class_logits
from lmctool_plugins.analyses.merge.temperature import best_temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.api import Array, Run, Weights

TEMPERATURE = "merge/temperature"
TRAINING = "train"


def check_calibrated(run: Run) -> None:
    """Check that there are examples, and answers whose logits have a temperature.

    Raises:
        LmctoolError: there are none.
    """
    if run.data is None:
        raise LmctoolError(
            "--calibrate-temperature fits a temperature to calibration examples: pass --data SPEC"
        )
    if run.task is None or run.task.answers is None:
        raise LmctoolError(
            "--calibrate-temperature divides the logits of classes, which task"
            f" {run.task_name!r} has none of; leave it out"
        )


def calibrated(run: Run, weights: Weights) -> Group:
    """Return the temperature of a network, and its scores on each split with it.

    Raises:
        LmctoolError: an answer is not one class.
    """
    if run.settings.calib is None and run.calibration.split.name == TRAINING:
        run.note(
            f"the temperature is fitted on split {TRAINING!r}, where networks that were trained on"
            " it are surer than elsewhere; --calib or --calib-split names other examples"
        )
    calibration, *outputs = (
        run.read([weights], split, _outputs, description="logits")[0]
        for split in (run.calibration.split, *run.splits)
    )
    temperature = best_temperature(*_answers(run, calibration))
    if math.isnan(temperature):
        run.note(
            "the merged network has no temperature: on the calibration examples its loss falls the"
            " further the more its logits are scaled"
        )
    scored = [
        run.score_outputs(each / temperature, split)
        for each, split in zip(outputs, run.splits, strict=True)
    ]
    known = 1.0 if math.isfinite(temperature) else math.nan
    before, after = (
        float(run.score_outputs(calibration / each, run.calibration.split).loss[0, 0])
        for each in (1.0, temperature)
    )
    loss, *_ = run.metrics
    names = np.array([split.name for split in run.splits], dtype=object)
    return Group(
        {
            "split": Variable(names, ("split",), long_name="split"),
            **{
                metric.name: metric.variable(
                    known * np.array([float(own.values(metric)[0, 0]) for own in scored]),
                    ("split",),
                    f"{metric.name} with logits divided by the temperature",
                    f"merge.calibrated.{metric.name}",
                )
                for metric in run.metrics
            },
            "temperature": Variable(
                np.array(temperature),
                long_name="temperature of the merged network",
                metric="merge.temperature",
            ),
            "before": loss.variable(
                np.array(before), (), "loss on the calibration examples as it is"
            ),
            "after": loss.variable(
                np.array(known * after), (), "loss on the calibration examples with the temperature"
            ),
        }
    )


def _outputs(outputs: Tensor, _: Tensor) -> Tensor:
    return outputs


def _answers(run: Run, outputs: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return the logits (item, class) and the classes (item,) of the calibration examples."""
    import torch

    split, task = run.calibration.split, run.task
    assert task is not None and task.answers is not None
    given = torch.from_numpy(outputs)
    split.check_targets(task.check, given)
    answers, right = task.answers(given, split.targets.cpu())
    if right.ndim != 1:
        raise LmctoolError(
            "--calibrate-temperature divides the logits of one class, and answers of task"
            f" {run.task_name!r} are several labels; leave it out"
        )
    return class_logits(answers).numpy(), right.long().numpy()
