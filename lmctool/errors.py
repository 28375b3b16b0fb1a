"""What can go wrong, and the exit code that says so."""

from __future__ import annotations

from enum import IntEnum


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


class UnjudgedError(LmctoolError):
    """A measurement that would mean nothing."""

    exit_code = ExitCode.UNJUDGED
