"""Data as people have it in Python, taken as a dataset: of torch, of ``datasets``, or arrays."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lmctool.data.given.declared import declared
from lmctool.data.given.recognised import split_of, splits_of
from lmctool.data.layout import AS_IS, READ_AS, channel_first
from lmctool.data.rows import MappedRows
from lmctool.data.targets import told_apart
from lmctool.data.tokens import UNSHIFTED
from lmctool.data.validation import sound
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Dataset, Examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from lmctool.data.given.given_split import GivenSplit
    from lmctool.data.targets import Targets

BYTES = "inputs are bytes, which are scaled by 1/255"


def as_dataset(value: object, source: str) -> Dataset:
    """Return data as people have it in Python as a dataset.

    It may be a data set of torch, by index or iterable, a DataLoader, a ``datasets.Dataset`` or
    DatasetDict, a pair ``(x, y)`` of arrays, tensors or lists, ``{"x": ..., "y": ...}``, a list of
    examples, or ``{"train": ..., "test": ...}`` of any of these.  An example is a pair or a
    mapping; its input an array, a tensor or an image of PIL.  What has no name is split ``test``;
    of two data sets in a tuple the first is ``train``.  Inputs of uint8 are images, which may have
    their channels last or none, and are scaled by 1/255; targets are classes, one-hot rows, names,
    labels, masks or numbers, as their dtype and shape tell.

    Every example that is read is checked: it must be like the first, and the same when it is read
    again.  Splits are read when they are asked for, but for targets that nobody lists and whose
    values tell what they are.

    Args:
        value: the data; a ``Dataset`` is taken as it is, its loaders checked in the same way.
        source: what to call it, in the record and in errors.

    Raises:
        LmctoolError: it is nothing of these, or cannot be used; says where.
    """
    return adopted(value, source, nullcontext)


def adopted(
    value: object, source: str, running: Callable[[], AbstractContextManager[None]]
) -> Dataset:
    """Return what ``as_dataset`` does of data whose code runs in a context.

    Args:
        value: the data.
        source: what to call it.
        running: gives the context.
    """
    what = repr(source)
    with running():
        try:
            if isinstance(value, Dataset):
                return declared(value, what, running)
            return _adopted(value, source, what, running)
        except LmctoolError:
            raise
        except Exception as cause:  # somebody's code
            raise LmctoolError(f"{what} failed: {type(cause).__name__}: {cause}") from cause


def _adopted(
    value: object, source: str, what: str, running: Callable[[], AbstractContextManager[None]]
) -> Dataset:
    values, notes = splits_of(value, what)
    splits: dict[str, GivenSplit] = {}
    refused: dict[str, Callable[[], Examples]] = {}
    for name, each in values.items():
        try:
            splits[name], more = split_of(each, f"split {name!r} of {what}", running)
        except LmctoolError as error:  # it may be one that nobody asks for
            if len(refused) + 1 == len(values):
                raise
            refused[name] = partial(_refuse, error)
            continue
        notes += tuple(f"split {name!r}: {note}" for note in more)
    dataset = _described(splits, source, what)
    loaders = {name: dataset.splits.get(name) or refused[name] for name in values}
    return replace(dataset, splits=loaders, read_as=(*notes, *dataset.read_as))


def _refuse(error: LmctoolError) -> Examples:
    """Stand in for the loader of a split that could not be used."""
    raise error


def _described(splits: Mapping[str, GivenSplit], source: str, what: str) -> Dataset:
    """Return the dataset of splits, and what their values tell."""
    loaders: dict[str, Callable[[], Examples]]
    loaders = {name: split.examples for name, split in splits.items()}
    if _same((split.has_tokens for split in splits.values()), "token ids", what):
        unshifted = any(split.is_unshifted for split in splits.values())
        told_of = (UNSHIFTED,) if unshifted else ()
        return Dataset(loaders, source, 0, task="causal-lm", read_as=told_of)
    if _same((split.has_masks for split in splits.values()), "images as targets", what):
        return Dataset(loaders, source, 0, task="segmentation")
    has_bytes = _same((split.has_bytes for split in splits.values()), "inputs of uint8", what)
    layouts = dict.fromkeys(split.layout for split in splits.values())
    notes = tuple(READ_AS[layout] for layout in layouts if layout in READ_AS)
    told, whole = _told_apart(splits, what)
    names = told.names or _class_names(splits, what)
    if not told.classes or len(names) < told.classes:
        names = ()
    known = told if whole else None
    return Dataset(
        {name: partial(_load, split, name, known, what) for name, split in splits.items()},
        source,
        max(len(names), told.classes) if whole else len(names) or None,
        scale=1 / 255 if has_bytes else 1.0,
        task=told.task,
        class_names=names,
        read_as=(*notes, *told.read_as, *((BYTES,) if has_bytes else ())),
    )


def _told_apart(splits: Mapping[str, GivenSplit], what: str) -> tuple[Targets, bool]:
    """Return what targets are, and whether that is said of all of them.

    Where some are unknown before their examples are read, they are read for what their values
    tell alone: names, and rows of zeros and ones.
    """
    some = {name: split.some_targets() for name, split in splits.items()}
    told = told_apart({name: targets for name, (targets, _) in some.items()}, what)
    if all(whole for _, whole in some.values()):
        return told, True
    if not (told.names or told.read_as or told.task == "multi-label"):
        return told, False
    return told_apart({name: split.all_targets() for name, split in splits.items()}, what), True


def _load(split: GivenSplit, name: str, told: Targets | None, what: str) -> Examples:
    """Return the examples of a split with targets as tasks take them."""
    examples = split.examples()
    told = told or told_apart({name: examples.targets}, what)
    inputs = examples.inputs
    if split.layout != AS_IS:
        inputs = MappedRows(inputs, partial(channel_first, layout=split.layout))
    found = Examples(inputs, told.splits[name])
    return sound(found, told.classes, f"split {name!r} of {what}")


def _class_names(splits: Mapping[str, GivenSplit], what: str) -> tuple[str, ...]:
    """Return what the classes of all splits are called.

    Raises:
        LmctoolError: they are called differently, so that their numbers mean different things.
    """
    named = {name: split.class_names for name, split in splits.items() if split.class_names}
    first = next(iter(named), "")
    for name, names in named.items():
        if names != named[first]:
            raise LmctoolError(
                f"{what} has other classes in split {name!r} ({_few(names)}) than in split"
                f" {first!r} ({_few(named[first])}), so that their numbers differ"
            )
    return named.get(first, ())


def _few(names: tuple[str, ...]) -> str:
    return f"{len(names)}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"


def _same(facts: Iterable[bool], kind: str, what: str) -> bool:
    """Return what holds for every split."""
    found = set(facts)
    if len(found) > 1:
        raise LmctoolError(f"{what} has {kind} in some splits and not in others")
    return found.pop()
