"""Whether networks answer at chance, by error and by loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.data.opening import open_split
from lmctool.evaluate.chance import at_chance, chance_hint, majority_loss
from lmctool.plugin import registry
from lmctool.plugin.data_records import Dataset, Examples
from lmctool.plugin.kinds import TASKS
from lmctool.plugin.records import Task
from lmctool_plugins.tasks import (
    binary,
    causal_lm,
    classification,
    multi_label,
    regression,
    segmentation,
)

if TYPE_CHECKING:
    from types import ModuleType

    from lmctool.data.split import Split


def split(targets: Any, inputs: Any = None) -> Split:
    targets = np.array(targets)
    inputs = np.zeros((len(targets), 2), np.float32) if inputs is None else np.array(inputs)
    dataset = Dataset({"test": lambda: Examples(inputs, targets)}, "memory", 0)
    return open_split(dataset, "test", limit=None, seed=0, device=torch.device("cpu"))


def judged(task: Task, own: Split, error: float, loss: float) -> bool:
    return bool(at_chance(task, own, np.array([error]), np.array([loss]))[0])


RARE = split([1] * 20 + [0] * 980)
"""2 % positives: a constant answer has an error of 2 % and a loss of 0.098."""


@pytest.mark.parametrize("task", [classification.lmctool_task(), binary.lmctool_task()])
def test_a_loss_below_the_constant_answers_is_not_chance(task: Task) -> None:
    assert not judged(task, RARE, 0.02, 0.078)
    assert judged(task, RARE, 0.02, 0.098)
    assert judged(task, RARE, 0.02, 0.2)


def test_an_error_below_the_constant_answers_is_not_chance_whatever_the_loss() -> None:
    task = classification.lmctool_task()
    even = split([0, 1] * 200)
    assert not judged(task, even, 0.2, 7.0)
    assert judged(task, even, 0.5, 7.0)


def test_one_class_or_one_answer_is_no_judge() -> None:
    task = classification.lmctool_task()
    assert not judged(task, split([3] * 50), 0.0, 0.1)
    assert not judged(task, split([3] * 50), 1.0, 9.0)
    assert not judged(task, split([3]), 1.0, 9.0)
    language = causal_lm.lmctool_task()
    tokens = split([[-100, 5]], [[1, 2]])
    assert not judged(language, tokens, 1.0, 9.0)


def test_few_examples_that_are_answered_rightly_are_not_chance() -> None:
    assert not judged(classification.lmctool_task(), split([0, 1]), 0.0, 0.01)


def test_a_task_without_a_constant_loss_is_judged_by_its_error() -> None:
    task = Task(classification.score, registry.load(TASKS, "classification").chance)
    assert judged(task, RARE, 0.02, 0.078)


def test_the_constant_loss_of_tokens_is_that_of_those_that_count() -> None:
    task = causal_lm.lmctool_task()
    assert task.chance_loss is not None
    assert task.chance_loss(np.array([[1, 2], [-100, -100]])) == pytest.approx(math.log(2))
    assert majority_loss(np.array([1, 1, 1, 1])) == 0


VALUES = np.random.default_rng(0).normal(3, 2, 200)


def test_a_regression_is_at_chance_where_it_explains_little_of_the_variance() -> None:
    task, own = regression.lmctool_task(), split(VALUES)
    variance = float(VALUES.var())
    assert task.chance_loss is not None
    assert task.chance(VALUES) == 1
    assert task.chance_loss(VALUES) == pytest.approx(variance)
    assert judged(task, own, 0.96, 0.96 * variance)
    assert judged(task, own, 250.0, 250 * variance)
    assert not judged(task, own, 0.9, 0.9 * variance)


def test_the_best_constant_answer_of_labels_answers_each_of_them_for_itself() -> None:
    task = multi_label.lmctool_task()
    targets = np.array([[1, 0, 1], [1, 0, 0], [1, 1, -100], [1, 0, -100]])
    assert task.chance_loss is not None
    assert task.chance(targets) == pytest.approx((0 + 1 + 1) / 10)
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert task.chance_loss(targets) == pytest.approx((4 * entropy + 2 * math.log(2)) / 10)
    unknown = np.where(targets == -100, np.nan, targets)
    assert task.chance(unknown) == task.chance(targets)
    assert task.chance_loss(unknown) == task.chance_loss(targets)


def test_pixels_that_count_for_nothing_say_nothing_of_chance() -> None:
    task = segmentation.lmctool_task()
    targets = np.array([[[0, 0], [1, -100]], [[0, -100], [-100, -100]]])
    assert task.chance_loss is not None
    assert task.chance(targets) == pytest.approx(0.25)
    assert task.chance_loss(targets) == pytest.approx(majority_loss(np.array([0, 0, 1, 0])))


@pytest.mark.parametrize(
    ("task", "own", "said"),
    [
        (classification, split([0, 1], np.zeros((2, 3, 4, 4), np.float32)), "inputs are normalis"),
        (classification, RARE, "the features are scaled in another way than in training (--mean"),
        (regression, split(VALUES), "the targets were scaled in training, the features are scaled"),
        (causal_lm, split([[2, 3]], [[1, 2]]), "other tokens"),
        (causal_lm, split([[1, 2]], [[1, 2]]), "its targets are its inputs"),
    ],
    ids=["images", "table", "regression", "tokens", "unshifted"],
)
def test_the_hint_fits_the_task_and_the_data(task: ModuleType, own: Split, said: str) -> None:
    assert said in chance_hint(task.lmctool_task(), own)
