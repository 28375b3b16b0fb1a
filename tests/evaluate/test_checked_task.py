"""Tasks of somebody else's code: every answer is looked at before it counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError, PluginError
from lmctool.evaluate.checked_task import checked
from lmctool.plugin.records import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

OUTPUTS, TARGETS = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([1.0, 1.0, 1.0])
NAME = "'./mine.py:task'"


def half(_: object) -> float:
    return 0.5


def scored(function: Callable[[Tensor, Tensor], Any], **more: Any) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return checked(Task(function, half, **more), NAME, values=True).score(OUTPUTS, TARGETS)


def absolute(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    return (outputs[:, 0] - targets).abs(), outputs[:, 0] > 1


def test_what_is_one_number_for_each_example_counts_as_it_is() -> None:
    loss, error = scored(absolute)
    assert loss.tolist() == [0, 1, 3]
    assert (error.tolist(), error.dtype) == ([0, 1, 1], torch.float64)


def test_a_gradient_is_kept_only_where_one_is_asked_for() -> None:
    weights = OUTPUTS.clone().requires_grad_()
    with_gradient = checked(Task(lambda o, t: absolute(weights, t), half), NAME)
    with torch.no_grad(), torch.enable_grad():
        assert with_gradient.score(OUTPUTS, TARGETS)[0].requires_grad
    loss, _ = scored(torch.enable_grad()(lambda o, t: absolute(weights, t)))
    assert not loss.requires_grad


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "'NoneType', not the loss and the error of each example"),
        (torch.ones(3), "'Tensor', not the loss and the error of each example"),
        ((torch.ones(3),) * 3, "'tuple', not the loss and the error of each example"),
        ((torch.tensor(1.0), torch.ones(3)), r"a loss of shape \(\) for 3 .*reduction='none'"),
        ((torch.ones(3), torch.ones(3, 1)), r"an error of shape \(3, 1\) for 3 examples"),
        ((torch.ones(2), torch.ones(3)), r"a loss of shape \(2,\) for 3 examples, not one num"),
        ((np.ones(3), torch.ones(3)), "a loss of type 'ndarray', not a tensor"),
        ((torch.ones(3), 0.5), "an error of type 'float', not a tensor"),
        ((torch.ones(3) * 1j, torch.ones(3)), "a loss of complex numbers"),
        ((torch.ones(3, device="meta"), torch.ones(3)), "a loss on meta for outputs on cpu"),
        ((torch.tensor([1, math.nan, 1]), torch.ones(3)), "a loss of nan for outputs that are"),
        ((torch.ones(3), torch.tensor([1, math.nan, 1])), "an error of nan for outputs that are"),
        ((torch.ones(3), torch.tensor([0, 0.5, 7])), "an error outside 0 to 1, of 7 for outputs"),
    ],
)
def test_what_is_not_is_refused_by_name(returned: Any, said: str) -> None:
    with pytest.raises(PluginError, match=f"^{NAME} returned {said}"):
        scored(lambda outputs, targets: returned)


def test_outputs_that_are_no_numbers_may_have_a_loss_that_is_none() -> None:
    outputs = OUTPUTS.clone()
    outputs[1] = math.nan
    loss, _ = checked(Task(absolute, half), NAME, values=True).score(outputs, TARGETS)
    assert loss.isnan().tolist() == [False, True, False]


def test_an_example_that_counts_for_nothing_may_have_any_loss() -> None:
    def weight(targets: Tensor) -> Tensor:
        return torch.tensor([1, 0, 2])

    def score(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tensor([1, math.nan, 1]), torch.zeros(3)

    assert scored(score, weight=weight)[0].isnan().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (torch.tensor([1.0, -1.0, 1.0]), "weights of examples that are below 0 or no numbers"),
        (torch.tensor([1.0, math.inf, 1.0]), "weights of examples that are below 0 or no num"),
        (torch.tensor(3.0), r"a weight of shape \(\) for 3 examples"),
    ],
)
def test_weights_are_looked_at_too(returned: Tensor, said: str) -> None:
    task = checked(Task(absolute, half, weight=lambda targets: returned), NAME)
    assert task.weight is not None
    with pytest.raises(PluginError, match=f"{NAME} returned {said}"):
        task.weight(TARGETS)


def test_what_it_raises_names_it_but_for_its_own_sentences_and_the_machines_failures() -> None:
    def broken(error: Exception) -> Callable[[Tensor, Tensor], Any]:
        def score(outputs: Tensor, targets: Tensor) -> Any:
            raise error

        return score

    with pytest.raises(PluginError, match=f"^{NAME} failed: KeyError: 'x'"):
        scored(broken(KeyError("x")))
    with pytest.raises(LmctoolError, match=r"^mine$"):
        scored(broken(LmctoolError("mine")))
    with pytest.raises(torch.OutOfMemoryError):
        scored(broken(torch.OutOfMemoryError("CUDA out of memory")))
    task = checked(Task(absolute, half, check=broken(KeyError("y"))), NAME)
    assert task.check is not None
    with pytest.raises(PluginError, match=f"^{NAME} failed: KeyError: 'y'"):
        task.check(OUTPUTS, TARGETS)


def test_an_exit_ends_nothing() -> None:
    def score(outputs: Tensor, targets: Tensor) -> Any:
        raise SystemExit(0)

    with pytest.raises(PluginError, match=f"{NAME} asks to exit with 0"):
        scored(score)


def test_chance_is_a_number() -> None:
    task = checked(Task(absolute, lambda _: "often", chance_loss=half), NAME)  # type: ignore
    assert task.chance_loss is not None
    assert task.chance_loss(TARGETS.numpy()) == 0.5
    with pytest.raises(PluginError, match=f"{NAME} returned a chance of type 'str', no number"):
        task.chance(TARGETS.numpy())


@pytest.mark.parametrize("returned", [None, (OUTPUTS,), (OUTPUTS, TARGETS[:2]), (OUTPUTS, 1)])
def test_answers_are_as_many_as_what_is_right(returned: Any) -> None:
    task = checked(Task(absolute, half, answers=lambda outputs, targets: returned), NAME)
    assert task.answers is not None
    with pytest.raises(PluginError, match=f"{NAME} returned answers that are no two tensors"):
        task.answers(OUTPUTS, TARGETS)


def test_the_task_of_a_split_is_looked_at_likewise() -> None:
    def of_split(targets: Tensor) -> Task:
        return Task(lambda outputs, _: targets.mean(), half)  # type: ignore

    task = checked(Task(absolute, half, of_split=of_split), NAME).on(TARGETS)
    with pytest.raises(PluginError, match=f"{NAME} returned 'Tensor', not the loss and the err"):
        task.score(OUTPUTS, TARGETS)
    other = checked(Task(absolute, half, of_split=lambda _: absolute), NAME)  # type: ignore
    with pytest.raises(PluginError, match=f"{NAME} returned 'function' for a split, not an lmc"):
        other.on(TARGETS)
