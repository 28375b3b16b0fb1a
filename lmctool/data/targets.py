"""Targets as people store them, told apart: classes, one-hot, names, labels, masks and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FORMS = ("classes", "from-1", "one-hot", "multi-label", "values")
"""What ``?labels=`` can say that targets are; without it their dtype and shape tell."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of every split in the form that tasks take.

    Attributes:
        splits: (example, ...) by split: int64 classes, pixels' classes or labels 0 and 1, or
            floats.
        classes: number of classes over all splits, 0 where the targets are none.
        task: the registered word of the task that takes them.
        names: what the classes are called, where the targets are names.
        read_as: in words, each choice that was made where they could mean several things.
    """

    splits: Mapping[str, NDArray[Any]]
    classes: int
    task: str
    names: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()


def told_apart(
    by_split: Mapping[str, NDArray[Any]],
    what: str,
    form: str | None = None,
    ignored: int | None = None,
) -> Targets:
    """Return targets in the form that tasks take; what they are holds for all splits together.

    Names become classes in alphabetical order, as libraries number folders.  Rows with a single 1
    among zeros are one-hot, rows of other zeros and ones are labels.

    Args:
        by_split: (example, ...) as stored, by split.
        what: what to call them in an error.
        form: one of ``FORMS``, or None to tell by dtype and shape.
        ignored: the class that counts for nothing, such as 255 in masks; it becomes -100.

    Raises:
        LmctoolError: they are nothing that can be a target, or not of the form.
    """
    if form is not None and form not in FORMS:
        raise LmctoolError(f"targets are no {form!r}; ?labels= takes one of {', '.join(FORMS)}")
    arrays = {split: _flat(np.asarray(values), form) for split, values in by_split.items()}
    kinds = {"text" if values.dtype.kind in "USO" else "numbers" for values in arrays.values()}
    if kinds == {"text"}:
        return _of_names(arrays, what)
    for split, values in arrays.items():
        if values.dtype.kind not in "iubf":
            raise LmctoolError(f"{what} has targets of {values.dtype} in split {split!r}")
    if form == "values" or (form is None and _are_values(arrays)):
        floats = {
            split: values if values.dtype.kind == "f" else values.astype(np.float64)
            for split, values in arrays.items()
        }
        return Targets(floats, 0, "regression")
    whole = {split: _whole(values, what, split) for split, values in arrays.items()}
    if ignored is not None:
        whole = {
            s: np.where(values == ignored, IGNORE_INDEX, values) for s, values in whole.items()
        }
    return _of_whole(whole, what, form)


def _flat(values: NDArray[Any], form: str | None) -> NDArray[Any]:
    """Return a column of targets as a row; of numbers to predict it stays one."""
    column = values.ndim == 2 and values.shape[1] == 1
    if column and (values.dtype.kind != "f" or form in {"classes", "from-1"}):
        return values[:, 0]
    return values


def _are_values(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Tell whether targets are numbers to predict: floats that are no rows of zeros and ones."""
    floats = any(values.dtype.kind == "f" for values in arrays.values())
    return floats and not all(_binary_rows(values) for values in arrays.values())


def _binary_rows(values: NDArray[Any]) -> bool:
    return values.ndim == 2 and values.shape[1] > 1 and bool(np.isin(values, (0, 1)).all())


def _whole(values: NDArray[Any], what: str, split: str) -> NDArray[np.int64]:
    """Return whole numbers as int64."""
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.rint(values))).all():
        raise LmctoolError(f"{what} has targets in split {split!r} that are no whole numbers")
    return np.ascontiguousarray(values, dtype=np.int64)


def _of_names(arrays: Mapping[str, NDArray[Any]], what: str) -> Targets:
    """Return names as classes in alphabetical order."""
    if any(values.ndim != 1 for values in arrays.values()):
        raise LmctoolError(f"{what} has targets that are text, but not one for each example")
    names = sorted({str(name) for values in arrays.values() for name in values.tolist()})
    number = {name: place for place, name in enumerate(names)}
    classes = {
        split: np.array([number[str(name)] for name in values.tolist()], dtype=np.int64)
        for split, values in arrays.items()
    }
    told = f"targets are names, numbered in alphabetical order from {names[0]!r} on"
    return Targets(classes, len(names), "classification", tuple(names), (told,))


def _of_whole(whole: Mapping[str, NDArray[np.int64]], what: str, form: str | None) -> Targets:
    """Return whole numbers as classes, labels or masks."""
    read_as: tuple[str, ...] = ()
    rows = all(_binary_rows(values) for values in whole.values())
    single = rows and all((values.sum(axis=1) == 1).all() for values in whole.values())
    if form == "one-hot" and not single:
        raise LmctoolError(f"{what} has targets that are not one-hot: a single 1 in each row")
    if form == "multi-label" and not rows:
        raise LmctoolError(f"{what} has targets that are no rows of zeros and ones")
    if rows and form in {None, "one-hot", "multi-label"}:
        if form == "multi-label" or not single:
            return Targets(whole, 0, "multi-label")
        if form is None:
            read_as = ("targets are one-hot",)
        whole = {split: values.argmax(axis=1) for split, values in whole.items()}
    if form == "from-1":
        least = min(int(values[values != IGNORE_INDEX].min()) for values in whole.values())
        if least < 1:
            raise LmctoolError(f"{what} has class {least}, but ?labels=from-1 counts from 1")
        whole = {
            split: np.where(values == IGNORE_INDEX, IGNORE_INDEX, values - 1)
            for split, values in whole.items()
        }
    most = max((int(values.max()) for values in whole.values() if values.size), default=-1)
    masks = any(values.ndim > 1 for values in whole.values())
    return Targets(whole, most + 1, "segmentation" if masks else "classification", (), read_as)
