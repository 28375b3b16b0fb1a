"""The observers of a run: notified of its progress, and dropped when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.exits import no_exit
from lmctool.plugin.kinds import OBSERVERS
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmctool.plugin.records import Observer
    from lmctool.results.result import Result


class Observers:
    """Those who are told of a run; one that fails gives a warning and is notified no more.

    They are the installed observers that hear of every run, and those that the run asks for.  They
    are notified from the start of the work to its end, and of nothing before or after.
    """

    def __init__(self, asked: Sequence[str] = ()) -> None:
        """Load and open them.

        Args:
            asked: ``NAME`` or ``NAME:PLACE`` of each observer that the run asks for.

        Raises:
            LmctoolError: one that is asked for is not installed, cannot be loaded, hears of every
                run anyway, or says what the user has to put right.
        """
        self._running = False
        self._observers: dict[str, Observer] = {}
        for name in registry.names(OBSERVERS):
            try:
                observer = registry.load(OBSERVERS, name)
            except Exception as error:
                _warn(name, error)
            else:
                if observer.open is None:
                    self._observers[name] = observer
        for word in asked:
            self._open(word)

    def _open(self, word: str) -> None:
        """Open an observer that is asked for."""
        name, _, place = word.partition(":")
        opened = registry.load(OBSERVERS, name).open
        if opened is None:
            raise LmctoolError(
                f"observer {name!r} hears of every run and takes no place; leave out"
                f" --observer {word}"
            )
        try:
            with no_exit(f"observer {name!r}"):
                self._observers[word] = opened(place)
        except LmctoolError:
            raise
        except Exception as error:
            _warn(word, error)

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
    told = f"Warning: observer {name!r} failed and is told no more: {cause}"
    echo(told, err=True, said="warning")
