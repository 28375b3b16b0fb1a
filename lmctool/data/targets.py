"""Targets as people store them, told apart: classes, one-hot, names, labels, masks and numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.tokens import IGNORE_INDEX
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

FORMS = ("classes", "from-1", "one-hot", "multi-label", "values")
"""What ``?labels=`` can say that targets are; without it their dtype and shape tell."""
TEXT = frozenset("USOT")
"""The kinds of dtypes that texts come in."""
SHOWN = 6
EXACT = 2**53
"""Whole numbers from which on floats skip some."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of every split in the form that tasks take.

    Attributes:
        splits: (example, ...) by split: int64 classes, pixels' classes or labels 0 and 1, of which
            -100 counts for nothing, or floats.
        classes: number of classes over all splits, 0 where the targets are none.
        task: the registered word of the task that takes them.
        names: what the classes are called, where the targets are names.
        read_as: in words, each choice that was made where they could mean several things.
    """

    splits: Arrays
    classes: int
    task: str
    names: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()


def told_apart(by_split: Arrays, what: str, form: object = None, ignored: object = None) -> Targets:
    """Return targets in the form that tasks take; what they are holds for all splits together.

    Texts are names of classes, in alphabetical order as libraries number folders, unless all are
    whole numbers.  Whole numbers are classes, one an example, or masks.  Rows with a single 1
    among zeros are one-hot, rows of other zeros and ones are labels, in which -100 or NaN leaves
    one out.  Floats are numbers to predict, unless all are 0 or 1: then they are classes, or masks.

    Args:
        by_split: (example, ...) as stored, by split; (example, 1) is (example,), and masks may
            have a last axis of one channel.
        what: what to call them in an error.
        form: one of ``FORMS``, or None to tell by dtype and shape.
        ignored: the class of masks or labels that counts for nothing, such as 255; it becomes
            -100.

    Raises:
        LmctoolError: they are nothing that can be a target, or not of the form.
    """
    if form is not None and form not in FORMS:
        raise LmctoolError(f"targets are no {form!r}; ?labels= takes one of {', '.join(FORMS)}")
    if ignored is not None and type(ignored) is not int:
        raise LmctoolError(f"?ignore={ignored} is no class; it takes a whole number, such as 255")
    arrays = {split: np.asarray(values) for split, values in by_split.items()}
    texts = {values.dtype.kind in TEXT for values in arrays.values()} == {True}
    told: tuple[str, ...] = ()
    if texts:
        named = {split: _texts(values, what, split) for split, values in arrays.items()}
        if not all(re.fullmatch(r"[+-]?[0-9]{1,15}", text) for text in _all_texts(named)):
            return _of_names(named, what, form, ignored)
        arrays = {split: values.astype(np.int64) for split, values in named.items()}
        told = ("targets are texts of whole numbers",)
    for split, values in arrays.items():
        if values.dtype.kind not in "iubf":
            raise LmctoolError(f"{what} has targets of {values.dtype} in split {split!r}")
    if form == "values" or (form is None and _are_values(arrays)):
        return _of_values(arrays, what, ignored)
    if form is None and any(values.dtype.kind == "f" for values in _no_rows(arrays)):
        told = ("targets are floats that are all 0 or 1, taken as classes",)
    whole = {split: _whole(values, what, split) for split, values in arrays.items()}
    if ignored is not None:
        whole = {
            split: np.where(values == ignored, IGNORE_INDEX, values)
            for split, values in whole.items()
        }
    found = _of_whole(whole, what, form)
    if ignored is not None and found.task == "classification":
        raise LmctoolError(
            f"{what} has one class for each example, and ?ignore= leaves none out; leave such"
            " examples out of the data"
        )
    return Targets(found.splits, found.classes, found.task, (), (*told, *found.read_as))


def _texts(values: NDArray[Any], what: str, split: str) -> NDArray[np.str_]:
    """Return texts as such, whatever they are stored as."""
    flat = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for value in values.ravel().tolist()
    ]
    if not all(isinstance(value, str) for value in flat):
        raise LmctoolError(f"{what} has targets of {values.dtype} in split {split!r}")
    return np.array(flat, dtype=np.str_).reshape(values.shape)


def _all_texts(named: Mapping[str, NDArray[np.str_]]) -> Iterable[str]:
    return (text for values in named.values() for text in np.unique(values).tolist())


def _of_names(
    named: Mapping[str, NDArray[np.str_]], what: str, form: object, ignored: object
) -> Targets:
    """Return names as classes in alphabetical order."""
    if form not in {None, "classes"} or ignored is not None:
        asked = f"?ignore={ignored}" if form in {None, "classes"} else f"?labels={form}"
        raise LmctoolError(f"{what} has targets that are text, for which there is no {asked}")
    flat = {split: _column(values) for split, values in named.items()}
    if any(values.ndim != 1 for values in flat.values()):
        raise LmctoolError(f"{what} has targets that are text, but not one for each example")
    names = sorted(set(_all_texts(flat)))
    classes = {split: np.searchsorted(names, values) for split, values in flat.items()}
    listed = ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
    told = f"targets are {len(names)} names, numbered in alphabetical order: {listed}"
    whole = {split: values.astype(np.int64) for split, values in classes.items()}
    return Targets(whole, len(names), "classification", tuple(names), (told,))


def _of_values(arrays: Arrays, what: str, ignored: object) -> Targets:
    """Return numbers to predict."""
    if ignored is not None:
        raise LmctoolError(f"{what} has targets that are numbers to predict: none to ?ignore=")
    floats = {
        split: values if values.dtype.kind == "f" else values.astype(np.float64)
        for split, values in arrays.items()
    }
    return Targets(floats, 0, "regression")


def _are_values(arrays: Arrays) -> bool:
    """Tell whether targets are numbers to predict: floats that say more than yes and no."""
    if not any(values.dtype.kind == "f" for values in arrays.values()):
        return False
    return not (
        all(np.isin(values, (0, 1)).all() for values in _no_rows(arrays))
        and all(_are_rows(values) for values in arrays.values() if _column(values).ndim == 2)
    )


def _no_rows(arrays: Arrays) -> list[NDArray[Any]]:
    """Return the targets of those splits in which an example has a single one, or an image."""
    return [values for values in arrays.values() if _column(values).ndim != 2]


def _column(values: NDArray[Any]) -> NDArray[Any]:
    """Return a column as a row, and masks with a last axis of one channel without it."""
    if values.ndim == 4 and values.shape[3] == 1 < values.shape[1]:
        return values[..., 0]
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _are_rows(values: NDArray[Any]) -> bool:
    """Tell whether targets are rows of 0 and 1, and of what counts for nothing."""
    if values.ndim != 2 or values.shape[1] < 2:
        return False
    return bool((np.isin(values, (0, 1, IGNORE_INDEX)) | _is_nan(values)).all())


def _is_nan(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, np.bool_)


def _whole(values: NDArray[Any], what: str, split: str) -> NDArray[np.int64]:
    """Return whole numbers as int64; NaN in a row of zeros and ones becomes -100."""
    if values.dtype.kind == "f":
        if _are_rows(values):
            values = np.where(_is_nan(values), IGNORE_INDEX, values)
        if not ((values == np.rint(values)) & (np.abs(values) < EXACT)).all():
            raise LmctoolError(f"{what} has targets in split {split!r} that are no whole numbers")
    return np.ascontiguousarray(_column(values), dtype=np.int64)


def _of_whole(whole: Mapping[str, NDArray[np.int64]], what: str, form: object) -> Targets:
    """Return whole numbers as classes, labels or masks."""
    read_as: tuple[str, ...] = ()
    rows = all(_are_rows(values) for values in whole.values())
    single = rows and all(
        ((values == 1).sum(axis=1) == 1).all() and (values >= 0).all() for values in whole.values()
    )
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
    counted = [values[values != IGNORE_INDEX] for values in whole.values()]
    least = min((int(values.min()) for values in counted if values.size), default=1)
    most = max((int(values.max()) for values in counted if values.size), default=-1)
    if form == "from-1":
        if least < 1:
            raise LmctoolError(f"{what} has class {least}, but ?labels=from-1 counts from 1")
        whole = {
            split: np.where(values == IGNORE_INDEX, IGNORE_INDEX, values - 1)
            for split, values in whole.items()
        }
        most -= 1
    masks = any(values.ndim > 1 for values in whole.values())
    task = "segmentation" if masks else "classification"
    return Targets(whole, max(most + 1, 0), task, (), read_as)
