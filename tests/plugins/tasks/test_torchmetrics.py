"""Loss and error of every task are what torch and torchmetrics have, in batches of any size."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from lmctool.data.split import Split
from lmctool.evaluate import evaluate
from lmctool.evaluate.batch_size import BatchSize
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool.plugin.library import import_library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

COUNT = 23
"""Examples: batches of 7 leave two for the last."""


def drawn(*shape: int) -> Tensor:
    return torch.randn(COUNT, *shape, generator=torch.Generator().manual_seed(sum(shape)))


def classes(below: int, *shape: int, ignored: float = 0) -> Tensor:
    generator = torch.Generator().manual_seed(below)
    targets = torch.randint(below, (COUNT, *shape), generator=generator)
    return targets.masked_fill(torch.rand(targets.shape, generator=generator) < ignored, -100)


@cache
def metrics() -> Any:
    return import_library("torchmetrics.functional", "the reference")


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    number = outputs.shape[1]
    told = {"num_classes": number, "average": "micro", "ignore_index": -100}
    found: Tensor = metrics().accuracy(outputs, targets, task="multiclass", **told)
    return found


def binary(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    logits = outputs[:, 0]
    right = metrics().accuracy(logits.sigmoid(), targets, task="binary")
    return functional.binary_cross_entropy_with_logits(logits, targets.float()), 1 - right


def of_classes(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return functional.cross_entropy(outputs, targets), 1 - accuracy(outputs, targets)


def of_tokens(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return of_classes(outputs.movedim(-1, 1), targets)


def of_labels(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    known = targets != -100
    loss = functional.binary_cross_entropy_with_logits(outputs[known], targets[known].float())
    told = {"num_labels": outputs.shape[1], "average": "micro", "ignore_index": -100}
    return loss, 1 - metrics().accuracy(outputs.sigmoid(), targets, task="multilabel", **told)


def of_numbers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    share = metrics().r2_score(outputs, targets, multioutput="uniform_average")
    return metrics().mean_squared_error(outputs, targets), 1 - share


CASES: dict[str, tuple[str, Tensor, Tensor, Callable[..., tuple[Tensor, Tensor]]]] = {
    "classification": ("classification", drawn(5), classes(5), of_classes),
    "binary": ("binary", drawn(1), classes(2), binary),
    "causal-lm": ("causal-lm", drawn(6, 5), classes(5, 6, ignored=0.3), of_tokens),
    "multi-label": ("multi-label", drawn(4), classes(2, 4, ignored=0.3), of_labels),
    "segmentation": ("segmentation", drawn(3, 4, 5), classes(3, 4, 5, ignored=0.3), of_classes),
    "positions": ("segmentation", drawn(3, 8), classes(3, 8, ignored=0.3), of_classes),
    "regression": ("regression", drawn(1), drawn(2)[:, :1], of_numbers),
    "several outputs": ("regression", drawn(3), drawn(3) + 2 * drawn(6)[:, 3:], of_numbers),
}


@pytest.mark.parametrize("size", [1, 7, COUNT])
@pytest.mark.parametrize("case", CASES)
def test_loss_and_error_are_those_of_torchmetrics(case: str, size: int) -> None:
    word, outputs, targets, reference = CASES[case]

    def forward(_: Mapping[str, Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda inputs: outputs[inputs[:, 0].long()]

    places = torch.arange(float(COUNT))[:, None]
    split = Split("test", places, targets, np.arange(COUNT), COUNT, "", 1.0, (), (), 0)
    found = evaluate(
        forward, [{}], [split], registry.load(TASKS, word), dtype=torch.float32,
        batch_size=BatchSize(size),
    )  # fmt: skip
    loss, error = reference(outputs, targets)
    assert found.loss.item() == pytest.approx(float(loss), rel=1e-5)
    assert found.error.item() == pytest.approx(float(error), rel=1e-5)
