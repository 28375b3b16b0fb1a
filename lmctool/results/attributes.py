"""Attributes of groups in a result file.

Every reader takes texts, numbers and lists of them up to 64 KB.  What is longer, or has no form
as an attribute (an empty list, a text with NUL), is a scalar text dataset of the same name beside
the variables, with ``lmctool_role`` saying how it is coded; reading does not show the difference.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lmctool.results.nexus import MARKS

if TYPE_CHECKING:
    import h5py

    from lmctool.results.result import Attribute

ROLE = "lmctool_role"
TEXT, JSON = "text", "json"
MOST_BYTES = 60_000
POINTER = 16
"""Bytes that one text takes inside an attribute, beside its characters."""
INT64 = np.iinfo(np.int64)


def plain(value: Any) -> Attribute:
    """Return an attribute in the types of ``Attribute``, without NumPy's or tuples.

    A list of numbers becomes all int or all float, and bool becomes int.

    Raises:
        ValueError: a type that is no attribute.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        if all(isinstance(item, str) for item in items):
            return cast("list[str]", items)
        if all(isinstance(item, int) for item in items):
            return cast("list[int]", items)
        if all(isinstance(item, int | float) for item in items):
            return [float(cast("float", item)) for item in items]
    raise ValueError(f"{value!r} is no attribute")


def write(group: h5py.Group, name: str, value: Attribute) -> None:
    """Store one plain attribute of a group."""
    import h5py

    if not _fits(value):
        coded = isinstance(value, str) and _is_text(value)
        text = cast("str", value) if coded else json.dumps(value)
        dataset = group.create_dataset(name, data=text, dtype=h5py.string_dtype(), track_order=True)
        dataset.attrs[ROLE] = TEXT if coded else JSON
    elif isinstance(value, list) and isinstance(value[0], str):
        group.attrs.create(name, value, dtype=h5py.string_dtype())
    elif isinstance(value, str):
        group.attrs[name] = value
    else:
        numbers = np.asarray(value)
        group.attrs[name] = numbers.astype("f8" if numbers.dtype.kind == "f" else "i8")


def read(group: h5py.Group) -> dict[str, Attribute]:
    """Return the attributes of a group, except those that other programs keep for themselves.

    Raises:
        ValueError: a dataset that stands for an attribute does not hold one.
    """
    import h5py

    return {
        name: plain(_decoded(value))
        for name, value in group.attrs.items()
        if not name.startswith("_") and name not in MARKS and not isinstance(value, h5py.Empty)
    }


def read_long(dataset: h5py.Dataset) -> Attribute:
    """Return the attribute that a scalar text dataset stands for."""
    text: str = dataset.asstr()[()]
    return text if dataset.attrs[ROLE] == TEXT else plain(json.loads(text))


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, np.ndarray):
        return [_decoded(item) for item in value.tolist()]
    return value


def _fits(value: Attribute) -> bool:
    """Return whether HDF5 can hold a value as an attribute."""
    if isinstance(value, str):
        return _is_text(value) and len(value.encode()) <= MOST_BYTES
    if isinstance(value, list):
        return 0 < _size(value) <= MOST_BYTES and all(_fits(item) for item in value)
    return isinstance(value, float) or INT64.min <= value <= INT64.max


def _size(items: list[str] | list[int] | list[float]) -> int:
    return sum(
        POINTER + len(item.encode(errors="replace")) if isinstance(item, str) else 8
        for item in items
    )


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
