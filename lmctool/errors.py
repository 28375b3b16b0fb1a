"""What can go wrong, and the exit code that says so."""

from __future__ import annotations

import difflib
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    """Done, and every gate passes."""
    BUG = 1
    """An unexpected error: a bug, shown with its traceback."""
    USAGE = 2
    """Usage, configuration or unreadable input."""
    GATE = 3
    """A gate failed."""
    UNJUDGED = 4
    """The question could not be judged: nothing measured, NaN, both ends at chance."""
    INTERRUPTED = 130
    """Stopped by the user."""


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, the computer's own or a GPU's.

    Torch's error for a GPU is known by its name, so that torch need not be imported for it.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or "can't allocate memory" in str(
        error
    )


class LmctoolError(Exception):
    """Something the user can put right; printed as one sentence, without a traceback."""

    exit_code = ExitCode.USAGE


class PluginError(LmctoolError):
    """A plugin that cannot be found, imported or used."""


class UntrustedError(LmctoolError):
    """Code that is named where it may not be."""


class UnjudgedError(LmctoolError):
    """A measurement that would mean nothing."""

    exit_code = ExitCode.UNJUDGED


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return the question whether the nearest known word was meant; empty if none is near.

    >>> did_you_mean("barier", ["align", "barrier"]), did_you_mean("x", ["align"])
    ("did you mean 'barrier'? ", '')
    """
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}? " if close else ""
