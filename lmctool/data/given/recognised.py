"""What a value that somebody's code returns is: the splits of a data set, or one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.given.access import ByIndex, InOrder
from lmctool.data.given.array_like import as_array, is_array, is_image, made_by
from lmctool.data.given.example_parts import is_example, parts_of
from lmctool.data.given.given_split import HeldSplit, ItemSplit
from lmctool.data.given.item_rows import GivenRows
from lmctool.data.given.items import Items
from lmctool.data.given.stored_targets import class_names, stored_targets
from lmctool.data.given.torch_loader import loaded_by
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Examples

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from lmctool.data.given.given_split import GivenSplit

    Running = Callable[[], AbstractContextManager[None]]

TORCH = "torch.utils.data.dataset"
ONE = "test"
"""The name of a split that nobody names."""
NEEDED = (
    "give a data set or a DataLoader of torch, a datasets.Dataset, a pair (x, y) of arrays,"
    " {'x': ..., 'y': ...}, {'train': ..., 'test': ...} of any of these, or an lmctool.api.Dataset"
)


def splits_of(value: object, what: str) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the splits of a value by name, and in words what was made of it.

    Raises:
        LmctoolError: it has no splits, or more than one whose names nobody knows.
    """
    if isinstance(value, Mapping) and not is_example(value):
        if not value or not all(isinstance(name, str) and name for name in value):
            raise LmctoolError(f"{what} gave {_shown(value)}, whose keys name no splits; {NEEDED}")
        return dict(value), ()
    if isinstance(value, tuple | list) and value and _are_splits(value):
        if len(value) != 2:
            raise LmctoolError(
                f"{what} gave {len(value)} data sets; name them: {{'train': ..., 'test': ...}}"
            )
        note = "the first of two data sets is split 'train', the second split 'test'"
        return {"train": value[0], ONE: value[1]}, (note,)
    return {ONE: value}, ()


def split_of(value: Any, what: str, running: Running) -> tuple[GivenSplit, tuple[str, ...]]:
    """Return one split, and in words what was made of it.

    Args:
        value: what somebody's code gave.
        what: what to call it in an error.
        running: the context that code of the value is run in.

    Raises:
        LmctoolError: it is nothing that examples come of, or what comes is unusable.
    """
    if isinstance(value, Examples):
        return _columns(value.inputs, value.targets, None, what, running), ()
    if isinstance(value, Mapping):
        parts = parts_of(value, what)
        return _columns(parts.input, parts.target, parts.mask, what, running), ()
    if made_by(value, "torch.utils.data.dataloader", "DataLoader"):
        return _loader(value, what, running)
    if made_by(value, TORCH, "TensorDataset") and type(value).__module__ == TORCH:
        value = value.tensors if len(value.tensors) == 2 else value
    if isinstance(value, tuple | list) and len(value) == 2 and not isinstance(value[0], Mapping):
        return _columns(value[0], value[1], None, what, running), ()
    if isinstance(value, type):
        raise LmctoolError(f"{what} is the class {value.__name__!r} itself, and none of it is made")
    if is_array(value) or is_image(value) or isinstance(value, str | bytes):
        raise LmctoolError(f"{what} is {_shown(value)} without targets; {NEEDED}")
    in_order = made_by(value, TORCH, "IterableDataset") or not hasattr(value, "__getitem__")
    if not in_order and hasattr(value, "__len__"):
        return _indexed(value, what, running), ()
    if in_order and isinstance(value, Iterable) and not isinstance(value, Iterator):
        count = len(value) if isinstance(value, Sized) else None
        return ItemSplit(Items(InOrder(lambda: value), count, what, running, in_order=True)), ()
    once = isinstance(value, Iterator)
    fault = "which gives its examples only once" if once else "which holds no examples"
    raise LmctoolError(f"{what} is {_shown(value)}, {fault}; {NEEDED}")


def _indexed(value: Any, what: str, running: Running) -> ItemSplit:
    items = Items(ByIndex(value), len(value), what, running)
    column = items.first.target_name
    return ItemSplit(items, stored_targets(value, column), class_names(value, column))


def _loader(loader: Any, what: str, running: Running) -> tuple[ItemSplit, tuple[str, ...]]:
    loaded = loaded_by(loader, what)
    places = loaded.places
    count = None if places is None else len(places)
    items = Items(loaded.given, count, what, running, in_order=places is None)
    if places is None or not loaded.plain:
        return ItemSplit(items), loaded.read_as
    column = items.first.target_name
    stored = stored_targets(loader.dataset, column)
    chosen = None if stored is None else stored[np.asarray(places, dtype=np.int64)]
    return ItemSplit(items, chosen, class_names(loader.dataset, column)), loaded.read_as


def _columns(inputs: Any, targets: Any, mask: Any, what: str, running: Running) -> GivenSplit:
    """Return the split of which all inputs and all targets are given."""
    if not _are_values(inputs) and not _are_values(targets):
        items = Items(ByIndex(_Pairs(inputs, targets)), len(inputs), what, running)
        return ItemSplit(items)
    y, held = (
        None if column is None else _column(column, f"{name} of {what}")
        for name, column in (("y", targets), ("the mask", mask))
    )
    if not hasattr(inputs, "costly") and _are_values(inputs):
        inputs = _column(inputs, f"x of {what}")
    for column in (y, held):
        if column is not None and len(column) != len(inputs):
            raise LmctoolError(f"{what} has {len(inputs)} inputs but {len(column)} targets")
    if hasattr(inputs, "shape"):
        if hasattr(inputs, "costly"):
            inputs = GivenRows(inputs, what, running)
        return HeldSplit(inputs, y, held, what)
    if y is None:
        raise LmctoolError(f"{what} has no targets")
    items = Items(ByIndex(_Pairs(inputs, y)), len(inputs), what, running)
    return ItemSplit(items, y)


class _Pairs:
    """Inputs that are no array, such as images, with their targets."""

    def __init__(self, inputs: Any, targets: Any) -> None:
        self.inputs = inputs
        self.targets = targets

    def __getitem__(self, place: int) -> tuple[object, object]:
        return self.inputs[place], self.targets[place]


def _are_values(inputs: Any) -> bool:
    """Tell whether inputs are an array or lists of numbers, and not images to be asked for."""
    if is_array(inputs) or not (hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__")):
        return True
    return isinstance(inputs, Sequence) and not (len(inputs) and is_image(inputs[0]))


def _column(value: Any, what: str) -> NDArray[Any]:
    """Return all inputs or all targets as an array, (example, ...)."""
    plain = isinstance(value, Sequence) and not isinstance(value, list | tuple | str)
    array = as_array(list(value) if plain and not is_array(value) else value, what)
    if array.ndim == 0:
        raise LmctoolError(
            f"{what} is {_shown(value)}, a single value and not one for each example"
        )
    return array


def _are_splits(values: tuple[object, ...] | list[object]) -> bool:
    """Tell whether all values are data sets, or pairs of arrays in a tuple."""
    pairs = isinstance(values, tuple) and all(map(_is_pair, values))
    return pairs or all(map(_is_data_set, values))


def _is_data_set(value: Any) -> bool:
    """Tell whether a value is a data set, and can be no column of one."""
    if isinstance(value, Mapping | Sequence) or hasattr(value, "__array__"):
        return False
    return hasattr(value, "__getitem__") or hasattr(value, "__iter__")


def _is_pair(value: Any) -> bool:
    """Tell whether a value is a pair of an array of inputs and one of targets."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(
            is_array(column) and column.ndim and len(column) == len(value[0]) for column in value
        )
    )


def _shown(value: object) -> str:
    return repr(type(value).__name__)
