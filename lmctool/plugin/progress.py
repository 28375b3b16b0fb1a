"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[int], None]
"""Called with the number of steps done since the last call."""
Progress = Callable[[int, str], AbstractContextManager[Advance]]
"""Opens a stage of work, from its number of steps and what it is."""


@contextmanager
def silent(total: int, description: str) -> Iterator[Advance]:
    """Show no progress."""
    yield lambda _: None
