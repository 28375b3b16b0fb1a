"""Runs that are interrupted after some of their work, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.results.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from lmctool.results.journal import Arrays


def watch(monkeypatch: pytest.MonkeyPatch, then: Callable[[int], None]) -> list[str]:
    """Return where the names of finished entries appear; ``then`` is called with their number."""
    names: list[str] = []
    add = Journal.add

    def adding(self: Journal, name: str, arrays: Callable[[], Arrays]) -> None:
        add(self, name, arrays)
        names.append(name)
        then(len(names))

    monkeypatch.setattr(Journal, "add", adding)
    return names


def interrupt_after(count: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Interrupt a run as Ctrl-C does, once so many of its entries are finished."""

    def then(done: int) -> None:
        if done == count:
            raise KeyboardInterrupt

    return watch(monkeypatch, then)
