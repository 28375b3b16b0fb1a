"""What stands for the objects of a pickle: records that take anything, and run nothing."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable


class Record:
    """An object of any class, or what any function would return, as its pickle describes it.

    Attributes:
        called: the class or the function, as ``module.name``.
        state: what the object's attributes were set from; None where there is nothing.
        entries: what was put into it, if it is like a dictionary.
    """

    called: ClassVar[str] = ""
    state: Any
    entries: dict[Any, Any]

    def __new__(cls, *_: object, **__: object) -> Record:
        """Take any arguments, and keep none."""
        record = object.__new__(cls)
        record.state = None
        record.entries = {}
        return record

    def __init__(self, *_: object, **__: object) -> None:
        """Do nothing with the arguments."""

    def __setstate__(self, state: object) -> None:
        """Keep the state; where it has a part for slots too, keep the attributes."""
        self.state = state[0] if isinstance(state, tuple) and len(state) == 2 else state

    def __setitem__(self, key: object, value: object) -> None:
        """Keep an entry."""
        self.entries[key] = value

    def append(self, _: object) -> None:
        """Leave an element out."""

    def extend(self, _: object) -> None:
        """Leave elements out."""

    def add(self, _: object) -> None:
        """Leave an element of a set out."""


class Table(dict[Any, Any]):
    """An ordered dictionary without the attributes that a pickle may give it."""

    def __setstate__(self, _: object) -> None:
        """Leave attributes out, such as the versions of a state dict."""


class Call:
    """A function that a pickle may call, and can't change."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., object]) -> None:
        """Stand for a function."""
        self.function = function

    def __call__(self, *args: object) -> object:
        """Call it."""
        return self.function(*args)

    def __setstate__(self, _: object) -> None:
        """Refuse a state, which no pickle has for a function.

        Raises:
            UnpicklingError: always.
        """
        raise pickle.UnpicklingError("it gives a function a state")


def record_class(called: str) -> type[Record]:
    """Return a class of records, made anew so that nothing done to it outlives its pickle."""
    return type("Record", (Record,), {"called": called})
