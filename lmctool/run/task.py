"""The task of a run: the one that the user or the data names, or what targets and outputs tell."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmctool.config import Origin
from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError
from lmctool.evaluate.checked_task import checked
from lmctool.evaluate.function_check import EXAMPLES
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool.plugin.records import Task
from lmctool.plugin.source_code import OWN, Code
from lmctool.plugin.user_code import Factory, imports_code, refuse_code
from lmctool.results.score_metric import ERROR, ScoreMetric

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.run.resources import Resources

UNTOLD = "classification"
"""The task of data that says no other: what its targets are in truth, they tell themselves."""
REASONS = {
    "binary": "the model has one output and the targets are 0 and 1",
    "causal-lm": "the targets are a token or a class for each position",
    "multi-label": "the targets are a 0 or 1 for each output",
    "regression": "the targets are real numbers",
    "segmentation": "the targets are a class for each pixel",
}
LOSS = ScoreMetric("loss", "1", "loss", "{:.4f}", "lower", -math.inf, math.inf, share=False)
"""The loss of a function that doesn't say what it measures."""


@dataclass(frozen=True, slots=True)
class NamedTask:
    """A task, and what names it.

    Attributes:
        name: the registered word, or the place of the user's code.
        task: what loss and error mean.
        code: the user's own code that it is made of.
    """

    name: str
    task: Task
    code: Code = field(default_factory=Code)


def named_task(spec: str, permit: str) -> NamedTask:
    """Return the task that a spec names.

    Args:
        spec: a registered word, ``package.module:factory`` or ``./file.py:factory``.
        permit: what has to be done before it may name code; empty where it may.

    Raises:
        LmctoolError: there is no such task, or the code makes none.
        UntrustedError: it names code, and may not.
    """
    if imports_code(spec, TASKS):
        refuse_code(spec, TASKS, Origin("--task", permit))
        return _of_code(spec)
    return registered_task(spec)


def registered_task(word: str) -> NamedTask:
    """Return the task of a registered word.

    Raises:
        PluginError: there is none, or it cannot be used.
    """
    task = registry.load(TASKS, word)
    own = registry.owner(registry.find(TASKS, word)) == OWN
    return NamedTask(word, task if own else checked(task, f"task {word!r}"))


def suited_task(resources: Resources) -> NamedTask | None:
    """Return the task of a run; None without data.

    Where the user names none, and the data says no other than classification, it is the one that
    takes such targets and such outputs of the model; the user is told if it is another.

    Raises:
        LmctoolError: the model cannot take the data.
        UnjudgedError: the model is no function.
    """
    named, settings = resources.sources.task, resources.settings
    if named is None or settings.task or named.name != UNTOLD:
        return named
    split = resources.split(settings.splits[0]) if settings.splits else resources.calibration
    inputs, shape = split.head(EXAMPLES, resources.dtype), None
    if resources.sources.model is not None:
        resources.forward.check(inputs, split.name)
        shape = resources.forward.shape
    word = word_for(split.targets, shape, ids=not inputs.is_floating_point())
    if word == named.name:
        return named
    resources.note(f"{REASONS[word]}, so the task is {word!r}; --task names another")
    return registered_task(word)


def word_for(targets: Tensor, output: tuple[int, ...] | None, *, ids: bool) -> str:
    """Return the word of the built-in task that takes such targets.

    Args:
        targets: (example, ...) the targets of a split.
        output: the shape of one example's output; None where there is no model.
        ids: whether the inputs are token ids.
    """
    shape = tuple(targets.shape[1:])
    rows = len(shape) == 1
    if math.prod(shape) == 1 and output in {(), (1,)} and _are_labels(targets):
        return "binary"
    if rows and shape[0] > 1 and output == shape and _are_labels(targets, IGNORE_INDEX):
        return "multi-label"
    if targets.is_floating_point():
        return "regression"
    if rows and output is not None and len(output) == 2:  # classes are their last or first axis
        last = output[0] == shape[0] and (ids or output[1] != shape[0])
        return "causal-lm" if last else "segmentation"
    if rows and ids and output is None:
        return "causal-lm"
    return "segmentation" if len(shape) > 1 else UNTOLD


def _are_labels(targets: Tensor, *others: int) -> bool:
    """Tell whether targets are 0, 1 and these others alone."""
    known = targets == 0
    for value in (1, *others):
        known |= targets == value
    return bool(known.all())


def _of_code(spec: str) -> NamedTask:
    """Return the task that the user's own code makes: a factory of one, or the score itself.

    Raises:
        LmctoolError: there is no such code, it fails, or it returns something else.
    """
    factory = Factory(spec)
    value = factory.made(needed=2)
    if isinstance(value, Task):
        task = value
    elif callable(value):
        task = Task(value, chance=lambda _: math.nan, loss=LOSS, error=ERROR)
    else:
        raise LmctoolError(
            f"{spec!r} returned {type(value).__name__!r}, not an lmctool.api.Task, nor a function"
            " from outputs and targets to the loss and the error of each example"
        )
    looked_at = checked(task, repr(spec), running=factory.running, values=True)
    return NamedTask(spec, looked_at, factory.code())
