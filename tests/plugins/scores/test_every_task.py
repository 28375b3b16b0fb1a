"""Every score of every task that has classes is that of torchmetrics, in batches of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.data.split import Split
from lmctool.errors import LmctoolError
from lmctool.evaluate import evaluate
from lmctool.evaluate.batch_size import BatchSize
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool.plugin.library import import_library
from lmctool.plugin.named_scores import named_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from lmctool.evaluate.scores import Scores

COUNT, CLASSES = 23, 8
"""Examples, of which batches of 7 leave two for the last; and classes."""
OF_CLASSES = ("auc", "balanced_error", "ece", "miou", "top5")


def drawn(*shape: int) -> Tensor:
    return 2 * torch.randn(COUNT, *shape, generator=torch.Generator().manual_seed(sum(shape)))


def classes(below: int, *shape: int) -> Tensor:
    """Return classes that all occur; where an example has several, some count for nothing."""
    generator = torch.Generator().manual_seed(below)
    targets = torch.randint(below, (COUNT, *shape), generator=generator)
    targets.view(-1)[:below] = torch.arange(below)
    ignored = torch.rand(targets.shape, generator=generator) < 0.3
    return targets.masked_fill(ignored & bool(shape), -100)


CASES: dict[str, tuple[str, Tensor, Tensor, tuple[str, ...]]] = {
    "classification": ("classification", drawn(CLASSES), classes(CLASSES), OF_CLASSES),
    "binary": ("binary", drawn(1), classes(2), OF_CLASSES[:4]),
    "causal-lm": ("causal-lm", drawn(6, CLASSES), classes(CLASSES, 6), OF_CLASSES),
    "segmentation": ("segmentation", drawn(CLASSES, 4, 5), classes(CLASSES, 4, 5), OF_CLASSES),
    "positions": ("segmentation", drawn(CLASSES, 9), classes(CLASSES, 9), OF_CLASSES),
    "multi-label": ("multi-label", drawn(4), classes(2, 4), ("auc",)),
}


def scored(
    word: str, outputs: Tensor, targets: Tensor, names: tuple[str, ...], size: int
) -> Scores:
    """Return the scores of a network that has these outputs."""

    def forward(_: Mapping[str, Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda inputs: outputs[inputs[:, 0].long()]

    places = torch.arange(float(COUNT))[:, None]
    split = Split("test", places, targets, np.arange(COUNT), COUNT, "", 1.0, (), (), 0)
    return evaluate(
        forward, [{}], [split], registry.load(TASKS, word), dtype=torch.float32,
        batch_size=BatchSize(size), others=named_scores(names),
    )  # fmt: skip


def known(name: str, word: str, outputs: Tensor, targets: Tensor) -> float:
    """Return what torchmetrics has."""
    library: Any = import_library("torchmetrics.classification", "the reference")
    if word == "binary":
        of_one = {"auc": library.BinaryAUROC, "ece": library.BinaryCalibrationError}
        if name in of_one:
            return float(of_one[name]()(outputs[:, 0].sigmoid(), targets))
        answered = (outputs[:, 0] > 0).long()
        if name == "miou":
            return float(library.MulticlassJaccardIndex(2)(answered, targets))
        return 1 - float(library.MulticlassAccuracy(2, average="macro")(answered, targets))
    if word == "multi-label":
        return float(library.MultilabelAUROC(4, ignore_index=-100)(outputs.sigmoid(), targets))
    told = {"num_classes": CLASSES, "ignore_index": -100}
    logits = outputs.movedim(-1, 1) if word == "causal-lm" else outputs
    metric = {
        "auc": lambda: library.MulticlassAUROC(average="macro", **told),
        "balanced_error": lambda: library.MulticlassAccuracy(average="macro", **told),
        "ece": lambda: library.MulticlassCalibrationError(n_bins=15, norm="l1", **told),
        "miou": lambda: library.MulticlassJaccardIndex(average="macro", **told),
        "top5": lambda: library.MulticlassAccuracy(average="micro", top_k=5, **told),
    }[name]()
    value = float(metric(logits, targets))
    return 1 - value if name in {"balanced_error", "top5"} else value


@pytest.mark.parametrize("size", [1, 7, COUNT])
@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_torchmetrics(
    case: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.evaluate.engine.GATHERED", 1)  # each batch by itself
    word, outputs, targets, names = CASES[case]
    found = scored(word, outputs, targets, names, size)
    for name in names:
        expected = known(name, word, outputs, targets)
        assert found.more[name].item() == pytest.approx(expected, abs=2e-6), name


@pytest.mark.parametrize("case", ["causal-lm", "segmentation", "multi-label"])
def test_what_counts_for_nothing_changes_nothing(case: str) -> None:
    word, outputs, targets, names = CASES[case]
    changed = outputs.clone()
    logits = changed.movedim(1, -1) if word == "segmentation" else changed
    logits[targets == -100] = torch.nan
    one, other = (scored(word, each, targets, names, 7) for each in (outputs, changed))
    for name in names:
        assert one.more[name].item() == other.more[name].item(), name


def test_numbers_to_predict_have_no_such_score() -> None:
    with pytest.raises(LmctoolError, match="--score auc judges answers of classes, and the task"):
        scored("regression", drawn(1), drawn(2)[:, :1], ("auc",), 7)
