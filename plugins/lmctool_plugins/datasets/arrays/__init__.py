"""Arrays of inputs and targets: npy, npz, safetensors, HDF5 and PyTorch files, or a folder.

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

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import (
    UNSHIFTED,
    MappedRows,
    channel_first,
    container_kind,
    one_layout,
    refuse_padding,
    token_examples,
    told_apart,
    unshifted,
)
from lmctool_plugins.datasets.arrays.files import is_folder_of_arrays, source_at
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


def load(inputs: StoredArray, layout: str, targets: NDArray[Any]) -> Examples:
    """Return one split: images channel first, all else as stored."""
    return Examples(MappedRows(inputs.rows(), partial(channel_first, layout=layout)), targets)


def load_tokens(split: str, part: Part, ignored: Argument | None) -> Examples:
    """Return one split of token ids.

    Raises:
        LmctoolError: they are unusable.
    """
    y, mask = (array.read() if array else None for array in (part.y, part.mask))
    return token_examples(part.x.read(), y, mask, f"split {split!r}", ignored)


def open_arrays(word: str, location: Path | None, **arguments: Argument) -> Dataset:
    """Return the dataset of a file or a folder.

    Raises:
        LmctoolError: no place was named, a file is of no known kind, there are no x and y, or the
            arguments do not fit them.
    """
    if location is None:
        raise LmctoolError(f"{word!r} needs a file or a folder; pass --data {word}:PATH")
    names: tuple[Role, ...] = ("x", "y", "mask")
    named = {role: str(arguments[role]) for role in names if role in arguments}
    source = source_at(location, named)
    by_split, place = parts(source, named), source.place
    tokens = {part.holds_tokens and "labels" not in arguments for part in by_split.values()}
    if len(tokens) > 1:
        raise LmctoolError(f"'{place}' has token ids in some splits and not in others")
    if tokens == {True}:
        return _tokens(place, by_split, arguments)
    return _pairs(place, by_split, arguments)


def detect(path: Path) -> bool:
    """Return whether the path is a file of arrays, or a folder of files that are named for them."""
    return is_folder_of_arrays(path) if path.is_dir() else container_kind(path) is not None


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data arrays:PATH``."""
    return DataFormat(open_arrays, detect, ARGUMENTS)


def _pairs(place: str, by_split: Mapping[str, Part], arguments: Mapping[str, Argument]) -> Dataset:
    for part in by_split.values():
        if "mask" in arguments and not part.may_be_tokens:
            raise LmctoolError(f"'{place}' holds no token ids, which ?mask= is for")
        if part.mask is not None and part.may_be_tokens:
            refuse_padding(part.mask.read(), f"'{place}'")
    has_bytes = {part.x.dtype == "uint8" for part in by_split.values()}
    if len(has_bytes) > 1:
        raise LmctoolError(f"'{place}' has inputs of uint8 in some splits and not in others")
    inputs = {split: (part.x.shape, part.x.dtype) for split, part in by_split.items()}
    layout, order = one_layout(inputs, arguments.get("layout"))
    targets = told_apart(
        {split: part.y.read() for split, part in by_split.items() if part.y is not None},
        f"'{place}'",
        arguments.get("labels"),
        arguments.get("ignore"),
    )
    return Dataset(
        {split: partial(load, by_split[split].x, layout, y) for split, y in targets.splits.items()},
        place,
        targets.classes,
        scale=1 / 255 if has_bytes == {True} else 1.0,
        task=targets.task,
        class_names=targets.names,
        read_as=(*order, *targets.read_as),
    )


def _tokens(place: str, by_split: Mapping[str, Part], arguments: Mapping[str, Argument]) -> Dataset:
    if "layout" in arguments:
        raise LmctoolError(f"'{place}' holds token ids, which have no ?layout=")
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
        place,
        classes,
        task="causal-lm",
        read_as=(UNSHIFTED,) if told else (),
    )
