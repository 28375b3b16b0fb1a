"""The installed observers of a run: notified of its progress, and dropped when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.plugin import registry
from lmctool.plugin.kinds import OBSERVERS
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.plugin.records import Observer
    from lmctool.results.result import Result


class Observers:
    """Every installed observer; one that fails gives a warning and is notified no more.

    They are notified from the start of the work to its end, and of nothing before or after.
    """

    def __init__(self) -> None:
        """Load them all."""
        self._running = False
        self._observers: dict[str, Observer] = {}
        for name in registry.names(OBSERVERS):
            try:
                self._observers[name] = registry.load(OBSERVERS, name)
            except Exception as error:
                _warn(name, error)

    def started(self, provenance: Mapping[str, Any]) -> None:
        """Notify them that the work begins."""
        self._running = True
        self._notify(lambda observer: observer.started(provenance))

    def progressed(self, description: str, done: int, total: int) -> None:
        """Notify them of the progress of a stage."""
        self._notify(lambda observer: observer.progressed(description, done, total))

    def finished(self, result: Result | None, error: BaseException | None) -> None:
        """Notify them that the work ended: with a result, or with an error."""
        self._notify(lambda observer: observer.finished(result, error))
        self._running = False

    def _notify(self, call: Callable[[Observer], None]) -> None:
        for name, observer in list(self._observers.items()) if self._running else ():
            try:
                call(observer)
            except Exception as error:
                del self._observers[name]
                _warn(name, error)


def _warn(name: str, error: Exception) -> None:
    cause = f"{type(error).__name__}: {error}"
    echo(f"Warning: observer {name!r} failed and is told no more: {cause}", err=True)
