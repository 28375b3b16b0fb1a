"""Data that Python code hands over: what it is called, and the code that it comes of."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lmctool.data.given.adopted import adopted
from lmctool.data.given.owners import owners
from lmctool.data.resolve import Data
from lmctool.plugin.exits import no_exit
from lmctool.plugin.object_code import code_of_objects
from lmctool.plugin.source_code import code_of, loaded_since

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    source = _Source(value, spec)
    return Data(adopted(value, spec, source.running), spec, keyword, source.code)


def in_words(value: object) -> str:
    """Return what stands for data in memory where a spec would."""
    return f"{type(value).__name__} in memory"


class _Source:
    """The code of data in memory: that of its classes, and what this imports while it runs."""

    def __init__(self, value: object, name: str) -> None:
        """Take the data, and what to call it in an error."""
        self._owners = tuple(owners(value))
        self._name = name
        self._loaded: set[str] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let its code run inside.

        Raises:
            PluginError: the code exits.
        """
        before = set(sys.modules)
        with no_exit(repr(self._name)):
            try:
                yield
            finally:
                self._loaded.update(loaded_since(before))

    def code(self) -> Code:
        """Return the code of its classes and functions, and of all that it imports."""
        return code_of_objects(self._owners) | code_of(self._loaded)
