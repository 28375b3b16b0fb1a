"""Progress on stderr: a bar on a terminal, and one quiet line at the end of each stage."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

    from lmctool.plugin.progress import Advance

    Watch = Callable[[str, int, int], None]


def shows_bars() -> bool:
    """Tell whether stderr is where a bar can move: a terminal, or a notebook with widgets."""
    if sys.stderr.isatty():
        return True
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console(stderr=True).is_jupyter and find_spec("ipywidgets") is not None


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

    @contextmanager
    def __call__(self, total: int, description: str) -> Iterator[Advance]:
        """Open a stage of ``total`` steps (0 if unknown); stages may overlap."""
        done, started = 0, time.monotonic()
        display = self._enter()
        task = display.add_task(description, total=total or None) if display else None

        def advance(steps: int) -> None:
            nonlocal done
            done += steps
            self._watch(description, done, total)
            if display and task is not None:
                display.update(task, completed=done)

        try:
            yield advance
        finally:
            if display and task is not None:
                display.remove_task(task)
            self._leave()
        if not self._quiet:
            seconds = time.monotonic() - started
            echo(f"{description}: {done} done, {seconds:.1f} s", err=True)

    def _enter(self) -> Progress | None:
        self._open += 1
        if self._bar and self._display is None:
            from rich.console import Console
            from rich.progress import Progress

            # rich allows one live display at a time, so that all stages share it.
            self._display = Progress(console=Console(stderr=True), transient=True)
            self._display.start()
        return self._display

    def _leave(self) -> None:
        self._open -= 1
        if self._open == 0 and self._display is not None:
            self._display.stop()
            self._display = None
