"""The finished units of work of a run: counted, or interrupted behind one of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lmctool.results.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def finished(stop: int = 0) -> Iterator[list[str]]:
    """Give the names of the units of work that are finished inside; interrupt behind one of them.

    Args:
        stop: the number of the unit, from 1; 0 for none.
    """
    names: list[str] = []
    add = Journal.add

    def adding(self: Journal, name: str, arrays: Any) -> None:
        add(self, name, arrays)
        names.append(name)
        if len(names) == stop:
            raise KeyboardInterrupt

    Journal.add = adding  # type: ignore[method-assign]
    try:
        yield names
    finally:
        Journal.add = add  # type: ignore[method-assign]
