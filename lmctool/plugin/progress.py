"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]
"""Called with the number of steps done since the last call."""


class Progress(Protocol):
    """Opens a stage of work."""

    def __call__(
        self, total: int, description: str, *, networks: bool = False
    ) -> AbstractContextManager[Advance]:
        """Open a stage.

        Args:
            total: its number of steps; 0 if unknown.
            description: what it is.
            networks: whether each step is a network that was measured on a split, of which it is
                known how many the whole run has.
        """


@contextmanager
def silent(total: int, description: str, *, networks: bool = False) -> Iterator[Advance]:
    """Show no progress."""
    yield lambda _: None


def in_all(advance: Advance, total: int, items: int) -> Advance:
    """Return what is called as items are done, and shows them as a part of all the steps.

    Args:
        advance: shows steps.
        total: how many steps all items are.
        items: how many items there are.
    """
    done = 0

    def advanced(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        advance(done * total // items - before * total // items)

    return advanced
