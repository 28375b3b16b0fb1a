"""Binary cross-entropy and error of labels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool_plugins.tasks import binary
from lmctool_plugins.tasks.multi_label import check, score, weight

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(6, 4, generator=GENERATOR, dtype=torch.float64)
TARGETS = torch.randint(2, (6, 4), generator=GENERATOR)
TARGETS[1, 2] = TARGETS[3, 0] = TARGETS[5] = -100


def test_the_mean_over_labels_is_that_of_so_many_binary_answers() -> None:
    known = TARGETS != -100
    loss, error = score(LOGITS, TARGETS)
    wanted = binary.score(LOGITS[known], TARGETS[known])
    share = weight(TARGETS)
    assert share.tolist() == [4, 3, 4, 3, 4, 0]
    assert float((loss * share).sum() / 18) == pytest.approx(float(wanted[0].mean()), rel=1e-14)
    assert float((error * share).sum() / 18) == pytest.approx(float(wanted[1].mean()), rel=1e-14)


def test_the_loss_is_the_negative_logarithm_of_the_answers_probability() -> None:
    loss, _ = score(LOGITS, TARGETS)
    for row, targets, value in zip(LOGITS.tolist(), TARGETS.tolist(), loss.tolist(), strict=True):
        signs = [(1 if y else -1) * x for x, y in zip(row, targets, strict=True) if y != -100]
        each = [math.log1p(math.exp(-x)) for x in signs]
        assert value == pytest.approx(sum(each) / max(1, len(each)), rel=1e-12)


def test_labels_may_be_floats_of_which_nan_counts_for_nothing() -> None:
    floats = TARGETS.float().masked_fill(TARGETS == -100, math.nan)
    for one, other in zip(score(LOGITS, floats), score(LOGITS, TARGETS), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(weight(floats), weight(TARGETS))
    check(LOGITS, floats)


def test_a_label_that_nobody_knows_changes_nothing_whatever_its_logit() -> None:
    broken = LOGITS.masked_fill(TARGETS == -100, math.nan)
    for one, other in zip(score(broken, TARGETS), score(LOGITS, TARGETS), strict=True):
        assert torch.equal(one, other)


def test_zero_answers_no_and_nan_is_wrong_and_shows_in_the_loss() -> None:
    logits = torch.tensor([[0.0, 0.0, math.nan, math.nan]])
    loss, error = score(logits, torch.tensor([[0, 1, 0, 1]]))
    assert error.tolist() == [0.75]
    assert loss.isnan().all()


def test_half_precision_is_computed_in_float32_and_summed_in_float64() -> None:
    loss, error = score(torch.zeros(6, 4, dtype=torch.bfloat16), TARGETS)
    assert (loss.dtype, error.dtype) == (torch.float64, torch.float64)
    assert loss[:5].tolist() == pytest.approx([math.log(2)] * 5, rel=1e-6)


@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 5), (6, 4, 1)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    check(torch.zeros(shape), TARGETS)  # says nothing: the score does
    with pytest.raises(LmctoolError, match=r"one shape \(example, label\), but an example has"):
        score(torch.zeros(shape), TARGETS)


@pytest.mark.parametrize(
    "targets", [torch.tensor([[0, 2]]), torch.tensor([[0.5, 1]])], ids=["class", "share"]
)
def test_other_targets_are_refused_and_never_scored_in_silence(targets: Tensor) -> None:
    with pytest.raises(LmctoolError, match="needs targets 0 and 1, and -100 where nobody knows"):
        check(torch.zeros(1, 2), targets)
    assert score(torch.zeros(1, 2), targets)[0].isnan().all()
