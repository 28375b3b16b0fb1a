"""Progress on stderr: a bar on a terminal, and one quiet line at the end of each stage.

Stages within another one, as those of each pair of many networks, share a line for each kind.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lmctool.report.terminal import echo
from lmctool.results.text import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

    from lmctool.plugin.progress import Advance

    Watch = Callable[[str, int, int], None]

TENTHS, BEAT = 10, 10.0
"""The most lines that say how far a stage of many others is, and the least seconds between two."""


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


@dataclass
class Ended:
    """Stages of one description that ended and of which no line has been told.

    Attributes:
        done: the steps of all of them.
        seconds: how long they took.
        whole: how far the whole run was at the end of the last; empty where that is not known.
    """

    done: int = 0
    seconds: float = 0.0
    whole: str = ""


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
        self._ended: dict[str, Ended] = {}
        self._beats, self._last_beat = 0, 0.0
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
        outermost = self._open == 0
        display = self._enter()
        task = display.add_task(description, total=total or None) if display else None

        def advance(steps: int) -> None:
            nonlocal done
            done += steps
            self._watch(description, done, total)
            if outermost and self._ended and total:
                self._beat(description, done, total)
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
        own = self._ended.pop(description, Ended())
        own.done, own.seconds = own.done + done, own.seconds + time.monotonic() - started
        own.whole = f"; {self._whole}" if networks and self._whole.is_known else own.whole
        self._ended[description] = own
        if self._open == 0:
            self._tell()

    def _tell(self) -> None:
        """Tell of all stages that ended, those that ended last at the end."""
        if not self._quiet:
            for description, own in self._ended.items():
                echo(f"{description}: {own.done} done, {own.seconds:.1f} s{own.whole}", err=True)
        self._ended = {}
        self._beats, self._last_beat = 0, 0.0

    def _beat(self, description: str, done: int, total: int) -> None:
        """Tell how far a stage of many others is, now and then, where no bar does."""
        beats, now = done * TENTHS // total, time.monotonic()
        if self._bar or self._quiet or done == total or beats == self._beats:
            return
        if now - self._last_beat >= BEAT:
            self._beats, self._last_beat = beats, now
            whole = f"; {self._whole}" if self._whole.is_known else ""
            echo(f"{description}: {done} of {total} done{whole}", err=True)

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
