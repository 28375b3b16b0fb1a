"""Squared error, and its share of the targets' variance."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool_plugins.tasks.regression import check, lmctool_task, score

GENERATOR = torch.Generator().manual_seed(0)
SCALES = torch.tensor([1.0, 3.0, 100.0], dtype=torch.float64)
TARGETS = 5 + SCALES * torch.randn(20, 3, generator=GENERATOR, dtype=torch.float64)
OUTPUTS = TARGETS + SCALES * torch.randn(20, 3, generator=GENERATOR, dtype=torch.float64) / 2


def test_the_mean_error_is_1_less_the_share_of_the_variance_that_is_explained() -> None:
    loss, error = score(OUTPUTS, TARGETS)
    shares = []
    for outputs, targets in zip(OUTPUTS.T.tolist(), TARGETS.T.tolist(), strict=True):
        middle = math.fsum(targets) / len(targets)
        rest = math.fsum((o - t) ** 2 for o, t in zip(outputs, targets, strict=True))
        shares.append(1 - rest / math.fsum((t - middle) ** 2 for t in targets))
    assert float(error.mean()) == pytest.approx(1 - math.fsum(shares) / 3, rel=1e-12)
    assert float(loss.mean()) == pytest.approx(float((OUTPUTS - TARGETS).square().mean()))


def test_the_mean_target_as_the_answer_has_an_error_of_1() -> None:
    _, error = score(TARGETS.mean(0).expand(20, 3), TARGETS)
    assert float(error.mean()) == pytest.approx(1, rel=1e-14)


def test_the_error_has_no_unit_and_the_loss_that_of_the_targets_squared() -> None:
    loss, error = score(OUTPUTS, TARGETS)
    scaled = score(3 * OUTPUTS + 7, 3 * TARGETS + 7)
    torch.testing.assert_close(scaled[0], 9 * loss)
    torch.testing.assert_close(scaled[1], error)
    each = score(OUTPUTS / SCALES, TARGETS / SCALES)
    torch.testing.assert_close(each[1], error)


@pytest.mark.parametrize(
    ("outputs", "targets"), [((), (1,)), ((1,), ()), ((1,), (1,)), ((1, 1), ())]
)
def test_a_single_output_may_be_a_column(
    outputs: tuple[int, ...], targets: tuple[int, ...]
) -> None:
    wanted = score(OUTPUTS[:, 0], TARGETS[:, 0])
    found = score(OUTPUTS[:, 0].reshape(20, *outputs), TARGETS[:, 0].reshape(20, *targets))
    assert all(map(torch.equal, found, wanted))


def test_outputs_of_several_axes_are_so_many_outputs() -> None:
    outputs, targets = OUTPUTS[:18].reshape(6, 1, 3, 3), TARGETS[:18].reshape(6, 3, 3)
    wanted = score(outputs.flatten(1), targets.flatten(1))
    assert all(map(torch.equal, score(outputs, targets), wanted))


def test_batches_are_scored_in_units_of_the_whole_splits_variance() -> None:
    loss, error = score(OUTPUTS, TARGETS)
    task = lmctool_task().on(TARGETS)
    parts = [task.score(OUTPUTS[part], TARGETS[part]) for part in (slice(7), slice(7, 20))]
    assert torch.equal(torch.cat([part[0] for part in parts]), loss)
    assert torch.equal(torch.cat([part[1] for part in parts]), error)
    assert not torch.allclose(score(OUTPUTS[:7], TARGETS[:7])[1], error[:7])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_residuals_are_taken_in_float64_whatever_the_outputs_are(dtype: torch.dtype) -> None:
    targets = 1e6 + TARGETS
    outputs = torch.ones(20, 3, dtype=dtype)
    loss, _ = score(outputs, targets)
    assert torch.equal(loss, (1 - targets).square().mean(1))


def test_whole_numbers_are_numbers_to_predict_too() -> None:
    outputs, ages = torch.tensor([3.0, 5.0]), torch.tensor([4, 6])
    loss, error = score(outputs, ages)
    assert (loss.tolist(), error.tolist()) == ([1, 1], [1, 1])


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (torch.zeros(20), r"\(10,\) and targets of shape \(\); .* stored as floats, say \?labels="),
        (torch.zeros(20, dtype=torch.int64), "if the targets are classes, say --task classific"),
        (torch.zeros(20, 3), r"outputs of shape \(10,\) and targets of shape \(3,\)$"),
        (torch.zeros(20, 2, 5), r"outputs of shape \(10,\) and targets of shape \(2, 5\)$"),
    ],
    ids=["floats", "whole", "others", "more axes"],
)
def test_outputs_that_are_not_one_for_each_target_are_refused(targets: Tensor, said: str) -> None:
    check(torch.zeros(4, 10), targets)  # says nothing: the score does
    with pytest.raises(LmctoolError, match=said):
        lmctool_task().on(targets).score(torch.zeros(4, 10), targets[:4])


def test_targets_that_do_not_vary_are_refused_for_nothing_could_be_explained() -> None:
    constant = TARGETS.clone()
    constant[:, 1] = 4
    with pytest.raises(LmctoolError, match=r"targets of output 1 are the same in all 20 examples"):
        check(OUTPUTS, constant)
    with pytest.raises(LmctoolError, match=r"the targets are the same in the only example"):
        check(OUTPUTS[:1, :1], TARGETS[:1, :1])
    check(OUTPUTS, TARGETS)


def test_gradients_flow_to_the_outputs() -> None:
    outputs = OUTPUTS.float().requires_grad_()
    score(outputs, TARGETS)[0].mean().backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    torch.testing.assert_close(outputs.grad, (2 * (OUTPUTS - TARGETS) / 60).float())


def test_its_metrics_are_no_nats_and_no_share_of_examples() -> None:
    task = registry.load(TASKS, "regression")
    assert (task.loss.unit, task.loss.label) == ("1", "loss (mean squared error)")
    assert (task.error.label, task.error.high, task.error.share) == (
        "error (1 - R²)",
        math.inf,
        False,
    )
    assert task.on(TARGETS).error is task.error
