"""A dataset that somebody's code describes itself: taken at its word, and checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.given.given_split import HeldSplit
from lmctool.data.given.items import spread
from lmctool.data.given.recognised import split_of
from lmctool.data.validation import sound
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Dataset, Examples, Preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Running = Callable[[], AbstractContextManager[None]]


def declared(dataset: Dataset, what: str, running: Running) -> Dataset:
    """Return a dataset whose loaders are called twice each time, and must give the same examples.

    Args:
        dataset: what somebody's code describes.
        what: what to call it in an error.
        running: gives the context that its loaders are run in.

    Raises:
        LmctoolError: a field of it is of another kind than it must be.
    """
    _check(dataset, what)
    splits = {
        name: partial(_loaded, load, dataset.classes or 0, f"split {name!r} of {what}", running)
        for name, load in dataset.splits.items()
    }
    return replace(
        dataset,
        splits=splits,
        mean=tuple(map(float, dataset.mean)),
        std=tuple(map(float, dataset.std)),
        class_names=tuple(dataset.class_names),
        read_as=tuple(dataset.read_as),
    )


def _check(dataset: Dataset, what: str) -> None:
    """Check the kinds of its fields."""
    splits = dataset.splits
    right = {
        "splits": isinstance(splits, Mapping)
        and len(splits) > 0
        and all(isinstance(name, str) and callable(load) for name, load in splits.items()),
        "source": isinstance(dataset.source, str),
        "classes": dataset.classes is None or _is_count(dataset.classes),
        "scale": _is_number(dataset.scale),
        "mean": _are(dataset.mean, _is_number),
        "std": _are(dataset.std, _is_number),
        "task": isinstance(dataset.task, str),
        "class_names": _are(dataset.class_names, lambda name: isinstance(name, str)),
        "read_as": _are(dataset.read_as, lambda text: isinstance(text, str)),
        "preprocessing": isinstance(dataset.preprocessing, Preprocessing | None),
    }
    kinds = {"splits": "a mapping of names to loaders", "classes": "a whole number, 0 for none"}
    for name, is_right in right.items():
        if not is_right:
            value = getattr(dataset, name)
            kind = kinds.get(name, "what lmctool.api.Dataset describes")
            raise LmctoolError(f"{what} has {value!r:.80} as its {name}, not {kind}")


def _loaded(load: Callable[[], object], classes: int, what: str, running: Running) -> Examples:
    """Return what a loader gives, the same each time.

    Raises:
        LmctoolError: it fails, gives no examples, or others the second time.
    """
    first = _digest(_called(load, what, running))
    examples = _called(load, what, running)
    for part, was, is_now in zip(("inputs", "targets"), first, _digest(examples), strict=True):
        if was != is_now:
            raise LmctoolError(
                f"{what} has other {part} each time that it is loaded; turn random augmentation"
                " off, or seed it"
            )
    return sound(examples, classes, what)


def _called(load: Callable[[], object], what: str, running: Running) -> Examples:
    """Call a loader once."""
    with running():
        try:
            value = load()
            split = split_of(value, what, running)[0]
            if isinstance(value, Examples) and isinstance(split, HeldSplit):
                return split.as_given()
            return split.examples()
        except LmctoolError:
            raise
        except Exception as cause:  # somebody's code
            reason = f"{type(cause).__name__}: {cause}"
            raise LmctoolError(f"the loader of {what} failed: {reason}") from cause


def _digest(examples: Examples) -> tuple[str, str]:
    """Return what tells inputs and targets from others: of inputs that are read later some."""
    return _of_part(examples.inputs), _of_part(examples.targets)


def _of_part(part: Any) -> str:
    array = part
    if not isinstance(part, np.ndarray):
        places = spread(len(part))
        if hasattr(part, "costly"):
            array = part[np.array(places)]
        else:
            array = np.concatenate([np.asarray(part[place]).ravel() for place in places])
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(
        np.ascontiguousarray(array).data if array.dtype.kind in "iubf" else array.tobytes()
    )
    return digest.hexdigest()


def _are(values: object, kind: Callable[[Any], bool]) -> bool:
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str):
        return False
    return all(map(kind, values))


def _is_number(value: Any) -> bool:
    plain = isinstance(value, int | float | np.floating) and not isinstance(value, bool)
    return plain and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int | np.integer) and type(value) is not bool and int(value) >= 0
