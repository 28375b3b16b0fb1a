"""Whose code data in Python is of: the classes and functions that give its examples."""

from __future__ import annotations

from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from lmctool.plugin.data_records import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = 2
"""Parts of a list that are looked at: all of a pair, some of many examples."""


def owners(value: object) -> Iterator[type | FunctionType]:
    """Give the classes and functions whose code data is of: of all that it holds, each once.

    A class's bases are among them.

    Args:
        value: the data, of any kind that ``as_dataset`` takes.
    """
    seen: dict[int, object] = {}  # which keeps them, so that no other gets their place
    left: list[Any] = [value]
    while left:
        each = left.pop()
        if id(each) in seen or isinstance(each, ModuleType):
            continue
        seen[id(each)] = each
        if isinstance(each, FunctionType | type):
            yield each
            left += each.__bases__ if isinstance(each, type) else ()
            continue
        left += [type(each), *_parts(each)]


def _parts(value: Any) -> list[Any]:
    """Return what a value holds; nothing is called for it."""
    if hasattr(type(value), "__array__"):  # of the type: to ask an object may run its code
        return []
    if isinstance(value, Dataset):
        return list(value.splits.values())
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, tuple | list):
        return list(value[:FIRST])
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    return list(getattr(value, "__dict__", {}).values())
