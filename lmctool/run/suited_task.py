"""The task of a run: what is named, or what the targets and the model's outputs tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmctool.data.tokens import IGNORE_INDEX
from lmctool.evaluate.function_check import EXAMPLES
from lmctool.run.task import NamedTask, registered_task

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.run.resources import Resources

UNTOLD = "classification"
"""The task of data that says no other."""
REASONS = {
    "binary": "the model has one output and the targets are 0 and 1",
    "causal-lm": "the targets are a token or a class for each position",
    "multi-label": "the targets are a 0 or 1 for each output",
    "regression": "the targets are real numbers",
    "segmentation": "the targets are a class for each pixel",
}
OPEN = {
    "classification": frozenset(REASONS),
    "multi-label": frozenset({"causal-lm", "segmentation"}),
    "segmentation": frozenset({"causal-lm"}),
}
"""What the targets alone may be taken for, and what the outputs of the model can make of that."""


def suited_task(resources: Resources) -> NamedTask | None:
    """Return the task of a run; None without data.

    Where the user names none, it is the one that takes the targets and the outputs of the model, if
    what the data says of its targets leaves that open; the user is told if it is another.

    Raises:
        LmctoolError: the model cannot take the data.
        UnjudgedError: the model is no function.
    """
    named, settings = resources.sources.task, resources.settings
    if named is None or settings.task or not settings.splits or named.name not in OPEN:
        return named
    split = resources.split(settings.splits[0])
    inputs, shape = split.head(EXAMPLES, resources.dtype), None
    if resources.sources.model is not None:
        resources.forward.check(inputs, split.name)
        shape = resources.forward.shape
    word = word_for(split.targets, shape, ids=not inputs.is_floating_point())
    if word not in OPEN[named.name]:
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
