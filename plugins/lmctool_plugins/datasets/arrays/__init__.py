"""Arrays of inputs and targets: npz, safetensors, HDF5, PyTorch and .npy files, or a folder.

``x`` and ``y`` are one split, called test.  ``x_train`` and ``y_train``, ``train_x`` and
``train_y``, ``trainX`` and ``trainY``, or ``train/x`` and ``train/y`` are the split train, and so
on for any name.  Inputs may be called data, images, features or input_ids too, and targets target,
label or masks, in any case and number; ``?x=NAME&y=NAME`` names others, with ``*`` in place of the
split where there are several (``?x=*_pixels&y=*_answers``).

Images are taken with the channels first or last, or without an axis of channels;
``?layout=hwc|hw|chw|as-is`` says which where their shape tells it wrongly.  Inputs of uint8 are
scaled by 1/255, all others are taken as they are.

Targets are classes, one-hot rows, names, labels of several classes, masks or numbers to predict;
``?labels=classes|from-1|one-hot|multi-label|values`` says which where they could be several, and
``?ignore=255`` which class of a mask counts for nothing.

Whole numbers in x with two axes, (example, position), and no y are token ids: the target of each
position is the token that follows it.  A y of x's own shape gives these targets, -100 where none
counts, or the tokens of the same positions, as Hugging Face keeps labels.  A ``mask`` beside x
(``mask_train``, ``train_mask``, ``train/mask``, ``attention_mask``) has 1 for a token and 0 for
the padding after the last.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import (
    IGNORE_INDEX,
    UNSHIFTED,
    container_kind,
    stored_arrays,
    token_examples,
    told_apart,
    unshifted,
)
from lmctool_plugins.datasets.arrays.layout import channel_first, one_layout
from lmctool_plugins.datasets.arrays.names import claims
from lmctool_plugins.datasets.arrays.parts import parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from lmctool.api import Argument
    from lmctool.api.advanced import StoredArray
    from lmctool_plugins.datasets.arrays.names import Role
    from lmctool_plugins.datasets.arrays.parts import Part

ARGUMENTS = frozenset({"x", "y", "mask", "layout", "labels", "ignore"})
SHOWN = 8


def load(inputs: StoredArray, layout: str, targets: NDArray[Any]) -> Examples:
    """Return one split: images channel first, all else as stored."""
    return Examples(channel_first(inputs.read(), layout), targets)


def load_tokens(split: str, part: Part, ignored: Argument | None) -> Examples:
    """Return one split of token ids; a target that is to be ignored becomes -100.

    Raises:
        LmctoolError: they are unusable.
    """
    y, mask = (array.read() if array else None for array in (part.y, part.mask))
    found = token_examples(part.x.read(), y, mask, f"split {split!r}")
    if ignored is None:
        return found
    return Examples(found.inputs, np.where(found.targets == ignored, IGNORE_INDEX, found.targets))


def open_arrays(word: str, location: Path | None, **arguments: Argument) -> Dataset:
    """Return the dataset of a file.

    Raises:
        LmctoolError: no file was named, it is of no known kind, or holds no x and y.
    """
    if location is None:
        raise LmctoolError(f"{word!r} needs a file; pass --data {word}:FILE")
    stored = stored_arrays(location)
    names: tuple[Role, ...] = ("x", "y", "mask")
    named = {role: str(arguments[role]) for role in names if role in arguments}
    try:
        by_split = parts(stored, claims(stored, named), named)
    except LmctoolError as error:
        raise LmctoolError(f"'{location}': {error}; it holds {_listed(stored)}") from error
    if not by_split and "x" in named:
        raise LmctoolError(
            f"'{location}' has nothing that is known as the targets of {named['x']!r}: it holds"
            f" {_listed(stored)}; name them with ?y=NAME"
        )
    if not by_split:
        raise LmctoolError(
            f"'{location}' is not data: it has no arrays x and y (nor x_train, y_train, images,"
            f" labels ...), and no token ids x; it holds {_listed(stored)}; if some of them are"
            " data, name them with ?x=NAME&y=NAME"
        )
    tokens = {part.holds_tokens and "labels" not in arguments for part in by_split.values()}
    if len(tokens) > 1:
        raise LmctoolError(f"'{location}' has token ids in some splits and not in others")
    if tokens == {True}:
        return _tokens(location, by_split, arguments)
    return _pairs(location, by_split, arguments)


def detect(path: Path) -> bool:
    """Return whether the path is a file of named arrays."""
    return path.is_file() and container_kind(path) is not None


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data arrays:FILE``."""
    return DataFormat(open_arrays, detect, ARGUMENTS)


def _pairs(
    location: Path, by_split: Mapping[str, Part], arguments: Mapping[str, Argument]
) -> Dataset:
    if "mask" in arguments:
        raise LmctoolError(f"'{location}' holds no token ids, which ?mask= is for")
    has_bytes = {part.x.dtype == "uint8" for part in by_split.values()}
    if len(has_bytes) > 1:
        raise LmctoolError(f"'{location}' has inputs of uint8 in some splits and not in others")
    inputs = {split: (part.x.shape, part.x.dtype) for split, part in by_split.items()}
    layout, order = one_layout(inputs, arguments.get("layout"))
    targets = told_apart(
        {split: part.y.read() for split, part in by_split.items() if part.y is not None},
        f"'{location}'",
        arguments.get("labels"),
        arguments.get("ignore"),
    )
    return Dataset(
        {split: partial(load, by_split[split].x, layout, y) for split, y in targets.splits.items()},
        str(location),
        targets.classes,
        scale=1 / 255 if has_bytes == {True} else 1.0,
        task=targets.task,
        class_names=targets.names,
        read_as=(*order, *targets.read_as),
    )


def _tokens(
    location: Path, by_split: Mapping[str, Part], arguments: Mapping[str, Argument]
) -> Dataset:
    if "layout" in arguments:
        raise LmctoolError(f"'{location}' holds token ids, which have no ?layout=")
    classes, told = 0, False
    for part in by_split.values():
        ids, targets = (array.read() if array else None for array in (part.x, part.y))
        for values in (ids, targets):
            if values is not None and values.size:
                classes = max(classes, int(values.max()) + 1)
        told = told or (ids is not None and targets is not None and unshifted(ids, targets))
    ignored = arguments.get("ignore")
    return Dataset(
        {split: partial(load_tokens, split, part, ignored) for split, part in by_split.items()},
        str(location),
        classes,
        task="causal-lm",
        read_as=(UNSHIFTED,) if told else (),
    )


def _listed(stored: Mapping[str, StoredArray]) -> str:
    more = ", ..." if len(stored) > SHOWN else ""
    return ", ".join(sorted(stored)[:SHOWN]) + more or "nothing"
