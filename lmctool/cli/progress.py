"""Progress on stderr: a bar on a terminal, and one quiet line at the end of each stage."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lmctool.report.terminal import echo
from lmctool.results.text import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

    from lmctool.plugin.progress import Advance

    Watch = Callable[[str, int, int], None]


def unwatched(_: str, __: int, ___: int) -> None:
    """Watch no progress."""


def shows_bars() -> bool:
    """Tell whether stderr is where a bar can move: a terminal, or a notebook with widgets."""
    if sys.stderr.isatty():
        return True
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console(stderr=True).is_jupyter and find_spec("ipywidgets") is not None


class Whole:
    """How far a whole run is, by the networks that it measures.

    Attributes:
        total: all measurements of a network on a split; 0 where that is not known.
        done: those so far.
    """

    def __init__(self, total: int) -> None:
        """Begin now."""
        self.total, self.done = total, 0
        self._started = time.monotonic()

    @property
    def is_known(self) -> bool:
        """Whether there is a share to tell."""
        return self.total > 0

    def __str__(self) -> str:
        """Return the share, and the time left as far as the time so far tells it."""
        share = min(self.done / self.total, 1.0) if self.total else 0.0
        spent = time.monotonic() - self._started
        left = f", {_clock(spent * (1 - share) / share)} left" if 0 < share < 1 else ""
        return f"whole run {percent(share, 0)}{left}"


def _clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> [_clock(seconds) for seconds in (4.2, 75, 3725)]
    ['0:04', '1:15', '1:02:05']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Stages:
    """The progress of the stages of one run, shown and passed to a watcher.

    Call it to open a stage, as ``lmctool.plugin.progress.Progress`` says.
    """

    def __init__(self, watch: Watch, *, quiet: bool, bar: bool) -> None:
        """Start with no stage open.

        Args:
            watch: called with (description, done, total) at every step.
            quiet: show nothing.
            bar: show a moving bar while a stage is open, for terminals.
        """
        self._watch = watch
        self._quiet = quiet
        self._bar = bar and not quiet
        self._open = 0
        self._display: Progress | None = None
        self._whole = Whole(0)
        self._whole_task: TaskID | None = None

    def expect(self, networks: int) -> None:
        """Take how many measurements of a network on a split the whole run has."""
        self._whole = Whole(networks)

    @contextmanager
    def __call__(
        self, total: int, description: str, *, networks: bool = False
    ) -> Iterator[Advance]:
        """Open a stage of ``total`` steps (0 if unknown); stages may overlap."""
        done, started = 0, time.monotonic()
        display = self._enter()
        task = display.add_task(description, total=total or None) if display else None

        def advance(steps: int) -> None:
            nonlocal done
            done += steps
            self._watch(description, done, total)
            if networks:
                self._whole.done += steps
            if display and task is not None:
                display.update(task, completed=done)
                if self._whole_task is not None:
                    whole = self._whole
                    display.update(self._whole_task, completed=whole.done, description=str(whole))

        try:
            yield advance
        finally:
            if display and task is not None:
                display.remove_task(task)
            self._leave()
        if not self._quiet:
            seconds = time.monotonic() - started
            whole = f"; {self._whole}" if networks and self._whole.is_known else ""
            echo(f"{description}: {done} done, {seconds:.1f} s{whole}", err=True)

    def _enter(self) -> Progress | None:
        self._open += 1
        if self._bar and self._display is None:
            from rich.console import Console
            from rich.progress import Progress

            # rich allows one live display at a time, so that all stages share it.
            self._display = Progress(console=Console(stderr=True), transient=True)
            self._display.start()
            if self._whole.is_known:
                self._whole_task = self._display.add_task(
                    str(self._whole), total=self._whole.total, completed=self._whole.done
                )
        return self._display

    def _leave(self) -> None:
        self._open -= 1
        if self._open == 0 and self._display is not None:
            self._display.stop()
            self._display, self._whole_task = None, None
