"""Data that Python code hands over: what it is called, and the code that it comes of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmctool.data.given.adopted import adopted
from lmctool.data.given.owners import owners
from lmctool.data.resolve import Data
from lmctool.plugin.exits import no_exit
from lmctool.plugin.source_code import cells, code_of

if TYPE_CHECKING:
    from types import FunctionType

    from lmctool.plugin.source_code import Code


def in_memory(value: object, keyword: str) -> Data:
    """Return data that Python code hands over, taken as ``lmctool.api.as_dataset`` takes it.

    Args:
        value: the data, which is never written to.
        keyword: the argument that it was handed over by.

    Raises:
        LmctoolError: it is no data, or cannot be used.
    """
    spec = in_words(value)
    dataset = adopted(value, spec, partial(no_exit, repr(spec)))
    return Data(dataset, spec, keyword, partial(_code, tuple(owners(value))))


def in_words(value: object) -> str:
    """Return what stands for data in memory where a spec would."""
    return f"{type(value).__name__} in memory"


def _code(owners: tuple[type | FunctionType, ...]) -> Code:
    """Return the code of classes and functions, and of all that their modules import."""
    modules = {name for each in owners if isinstance(name := each.__module__, str)}
    return code_of(modules, loaded=owners) | cells(owners)
