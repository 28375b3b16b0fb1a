"""Whether networks answer at chance, by error and by loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from lmctool.data.split import Split, open_split
from lmctool.evaluate.chance import at_chance, chance_hint, majority_loss
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool.plugin.records import Dataset, Examples, Task
from lmctool_plugins.tasks import binary, causal_lm, classification


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


def test_the_hint_fits_the_data() -> None:
    assert "--mean, --std" in chance_hint(RARE)
    assert "other tokens" in chance_hint(split([[2, 3]], [[1, 2]]))
    assert "its targets are its inputs" in chance_hint(split([[1, 2]], [[1, 2]]))
