"""Cross-entropy and error of the next token."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool_plugins.tasks import classification
from lmctool_plugins.tasks.causal_lm import chance, check, score, weight

TARGETS = torch.tensor([[3, 0, 1], [2, IGNORE_INDEX, IGNORE_INDEX], [1, 1, IGNORE_INDEX]])


def logits() -> torch.Tensor:
    return torch.randn(3, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_equal_logits_cost_the_logarithm_of_the_number_of_tokens() -> None:
    loss, _ = score(torch.zeros(3, 3, 10), TARGETS)
    assert loss.tolist() == pytest.approx([math.log(10)] * 3, rel=1e-6)


def test_the_mean_over_tokens_is_that_of_a_classification_of_all_that_count() -> None:
    loss, error = score(logits(), TARGETS)
    counted = TARGETS != IGNORE_INDEX
    losses, errors = classification.score(logits()[counted], TARGETS[counted])
    tokens = weight(TARGETS)
    assert tokens.tolist() == [3, 1, 2]
    assert float((loss * tokens).sum() / 6) == pytest.approx(float(losses.mean()), rel=1e-14)
    assert float((error * tokens).sum() / 6) == pytest.approx(float(errors.mean()), rel=1e-14)


def test_a_masked_position_changes_nothing_whatever_its_logits() -> None:
    changed = logits()
    changed[1, 1:] = math.nan
    for one, other in zip(score(changed, TARGETS), score(logits(), TARGETS), strict=True):
        assert torch.equal(one, other)


def test_an_example_without_tokens_scores_zero_and_weighs_nothing() -> None:
    targets = torch.full((1, 3), IGNORE_INDEX)
    loss, error = score(logits()[:1], targets)
    assert (loss.item(), error.item(), weight(targets).item()) == (0, 0, 0)


def test_nan_is_wrong_and_shows_in_the_loss() -> None:
    broken = logits()
    broken[0, 2, 0] = math.nan
    loss, error = score(broken, TARGETS)
    assert loss.isnan().tolist() == [True, False, False]
    assert error[0] >= 1 / 3


def test_half_precision_is_summed_in_float64() -> None:
    loss, error = score(torch.zeros(3, 3, 4, dtype=torch.bfloat16), TARGETS)
    assert (loss.dtype, error.dtype) == (torch.float64, torch.float64)
    assert loss.tolist() == pytest.approx([math.log(4)] * 3, rel=1e-6)


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 4), (2, 3, 4)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(LmctoolError, match=r"\(example, position, token\) for targets"):
        score(torch.zeros(shape), TARGETS)


@pytest.mark.parametrize(("target", "said"), [(4, "token 4 but the model tells 4"), (-1, "-1")])
def test_tokens_that_the_model_has_not_are_refused_and_never_scored(target: int, said: str) -> None:
    targets = torch.tensor([[0, IGNORE_INDEX], [0, target]])
    with pytest.raises(LmctoolError, match=said):
        check(torch.zeros(1, 2, 4), targets)
    with pytest.raises(IndexError):
        score(torch.zeros(2, 2, 4), targets)


def test_tokens_that_the_model_has_are_fine_beside_those_that_count_for_nothing() -> None:
    check(logits()[:1], TARGETS)


def test_chance_is_the_error_of_the_most_frequent_token_that_counts() -> None:
    assert chance(TARGETS.numpy()) == pytest.approx(0.5)
    assert chance(np.full((2, 2), IGNORE_INDEX)) == 1


def test_the_task_is_registered_with_its_weights() -> None:
    task = registry.load(TASKS, "causal-lm")
    assert (task.score, task.weight) == (score, weight)


@pytest.mark.parametrize(
    "targets", [torch.zeros(2, dtype=torch.int64), torch.zeros(2, 3)], ids=["classes", "fractions"]
)
def test_targets_that_are_no_tokens_are_refused(targets: torch.Tensor) -> None:
    with pytest.raises(LmctoolError, match="needs whole targets of shape"):
        weight(targets)
