"""A task by its name: a registered word, or the place of the user's own code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lmctool.config import Origin
from lmctool.errors import LmctoolError
from lmctool.evaluate.checked_task import checked
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool.plugin.records import Task
from lmctool.plugin.source_code import OWN, Code
from lmctool.plugin.user_code import Factory, imports_code, refuse_code
from lmctool.results.score_metric import ERROR, ScoreMetric

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
