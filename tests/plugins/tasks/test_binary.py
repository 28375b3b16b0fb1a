"""Binary cross-entropy and error of one logit."""

from __future__ import annotations

import math

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool_plugins.tasks.binary import check, score
from lmctool_plugins.tasks.classification import score as score_classes


def test_one_logit_scores_as_two_classes_of_which_the_first_has_logit_zero() -> None:
    logits = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 1, 0, 1, 1, 0])
    loss, error = score(logits, targets)
    pairs = torch.stack([torch.zeros_like(logits), logits], dim=1)
    wanted, wrong = score_classes(pairs, targets)
    torch.testing.assert_close(loss, wanted)
    assert error.tolist() == wrong.tolist()


def test_a_column_scores_as_a_vector() -> None:
    logits, targets = torch.tensor([2.0, -1.0]), torch.tensor([1, 1])
    for column, vector in zip(score(logits[:, None], targets), score(logits, targets), strict=True):
        assert column.tolist() == vector.tolist()


def test_zero_answers_class_0_and_nan_is_wrong() -> None:
    loss, error = score(torch.tensor([0.0, 0.0, math.nan, math.nan]), torch.tensor([0, 1, 0, 1]))
    assert error.tolist() == [0, 1, 1, 1]
    assert loss.isnan().tolist() == [False, False, True, True]


def test_more_than_one_logit_is_refused() -> None:
    with pytest.raises(LmctoolError, match=r"not \(1, 3\)"):
        score(torch.zeros(1, 3), torch.tensor([0, 1, 0]))


@pytest.mark.parametrize("target", [-1, 2, 0.5])
def test_other_targets_are_refused_and_never_scored_in_silence(target: float) -> None:
    targets = torch.tensor([1.0, target])
    with pytest.raises(LmctoolError, match=f"not {target}"):
        check(torch.zeros(1), targets)
    assert score(torch.zeros(2), targets)[0].isnan().tolist() == [False, True]


def test_what_scoring_refuses_by_its_shape_is_not_checked() -> None:
    check(torch.zeros(1, 3), torch.tensor([0, 2]))
