"""Cross-entropy and error of classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate.chance import majority_error
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool_plugins.tasks.classification import check, score


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes() -> None:
    loss, _ = score(torch.zeros(3, 10, dtype=torch.float64), torch.tensor([0, 4, 9]))
    assert loss.tolist() == pytest.approx([math.log(10)] * 3, rel=1e-15)


def test_loss_is_the_negative_logarithm_of_the_targets_probability() -> None:
    logits = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([3, 0, 1, 2, 2])
    loss, error = score(logits, targets)
    for row, target, one, wrong in zip(logits.tolist(), targets, loss, error, strict=True):
        total = sum(math.exp(value) for value in row)
        assert float(one) == pytest.approx(-math.log(math.exp(row[target]) / total), rel=1e-12)
        assert float(wrong) == (row.index(max(row)) != target)


def test_of_two_equal_logits_the_first_is_the_answer() -> None:
    _, error = score(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([0, 1]))
    assert error.tolist() == [0, 1]


def test_nan_is_wrong_whatever_the_target() -> None:
    logits = torch.tensor([[math.nan, 0.0], [math.nan, 0.0], [0.0, math.nan]])
    loss, error = score(logits, torch.tensor([0, 1, 1]))
    assert error.tolist() == [1, 1, 1]
    assert loss.isnan().all()


def test_half_precision_is_computed_in_float32_and_float64_stays() -> None:
    targets = torch.tensor([0])
    assert score(torch.zeros(1, 2, dtype=torch.bfloat16), targets)[0].dtype == torch.float32
    assert score(torch.zeros(1, 2, dtype=torch.float64), targets)[0].dtype == torch.float64


def test_outputs_of_another_rank_are_refused() -> None:
    with pytest.raises(LmctoolError, match=r"\(example, class\), not \(2, 3, 4\)"):
        score(torch.zeros(2, 3, 4), torch.zeros(2, dtype=torch.int64))


def test_outputs_of_other_examples_are_refused() -> None:
    with pytest.raises(LmctoolError, match=r"not \(1, 3\), for 2 examples"):
        score(torch.zeros(1, 3), torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize(
    ("target", "said"), [(2, "class 2 but the model tells 2"), (-1, "-1"), (-100, "-100")]
)
def test_classes_that_the_model_has_not_are_refused_and_never_scored(
    target: int, said: str
) -> None:
    targets = torch.tensor([0, target])
    with pytest.raises(LmctoolError, match=said):
        check(torch.zeros(1, 2), targets)
    with pytest.raises(IndexError):
        score(torch.zeros(2, 2), targets)


def test_what_scoring_refuses_by_its_shape_is_not_checked() -> None:
    check(torch.zeros(1, 2, 3), torch.tensor([7]))
    check(torch.zeros(1, 2), torch.tensor([7.0]))


def test_chance_is_the_error_of_the_most_frequent_class() -> None:
    assert majority_error(np.array([0, 0, 0, 1, 2])) == pytest.approx(0.4)
    assert majority_error(np.array([7, 7])) == 0


def test_both_tasks_are_registered() -> None:
    assert registry.load(TASKS, "classification").score is score
    for word in ("classification", "binary"):
        assert registry.load(TASKS, word).chance is majority_error


@pytest.mark.parametrize("targets", [torch.zeros(2, 3), torch.zeros(2)], ids=["table", "fractions"])
def test_targets_that_are_no_classes_are_refused(targets: torch.Tensor) -> None:
    with pytest.raises(LmctoolError, match="one class for each example, not targets of float32"):
        score(torch.zeros(2, 3), targets)
