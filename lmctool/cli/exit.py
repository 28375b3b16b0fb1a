"""The exit code of a command, and its error message on stderr."""

from __future__ import annotations

import io
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from lmctool.errors import ExitCode, LmctoolError, machine_failure
from lmctool.plugin.exits import no_exit
from lmctool.report.terminal import echo, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does: with cleaning up, and no half-written file."""


ENDINGS = {
    False: ("Interrupted", ExitCode.INTERRUPTED),
    True: ("Terminated", ExitCode.TERMINATED),
}
"""What is told of a command that was stopped, and its exit code, by whether SIGTERM did it."""


def exit_code(run: Callable[[], object], words: Sequence[str]) -> int:
    """Run a command, print its error on stderr, and return its exit code.

    Args:
        run: runs the command, outside click's standalone mode: it raises rather than exits.
        words: the command's arguments; ``--debug`` among them asks for tracebacks.
    """
    try:
        with _terminable(), no_exit():
            code = run()
        return code if isinstance(code, int) else ExitCode.DONE
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        echo(said.getvalue().rstrip("\n"), err=True)
        _annotate(words, error.format_message())
        return _failure(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        cause = error.__cause__ or error  # click raises an exception of its own for it
        notes = getattr(cause, "__notes__", ["nothing was written"])
        told, code = ENDINGS[isinstance(cause, Terminated)]
        echo(f"{told}; {'; '.join(notes)}", err=True)
        return code
    except LmctoolError as error:
        if "--debug" in words:
            _show_traceback(error)
        echo(f"Error: {printable(str(error))}", err=True, said="error")
        _annotate(words, str(error))
        return _failure(error.exit_code)
    except Exception as error:
        if told := machine_failure(error):
            if "--debug" in words:
                _show_traceback(error)
            notes = getattr(error, "__notes__", ())
            echo("; ".join([f"Error: {printable(told)}", *notes]), err=True, said="error")
            _annotate(words, told)
            return ExitCode.USAGE
        _show_traceback(error)
        told = "Error: this is a bug, in lmctool or in a plugin; please report it"
        echo(told, err=True, said="error")
        _annotate(words, str(error))
        return ExitCode.BUG


def _failure(code: object) -> int:
    """Return the exit code of an error; the class of a plugin may have any, such as 0."""
    return ExitCode.UNJUDGED if code == ExitCode.UNJUDGED else ExitCode.USAGE


def _annotate(words: Sequence[str], message: str) -> None:
    """Tell a job of GitHub Actions why a command ended; the one place that does."""
    from lmctool.cli import github

    command = next((word for word in words if not word.startswith("-")), "")
    github.annotate(f"lmctool {command}".rstrip(), message)


def _show_traceback(error: BaseException) -> None:
    import traceback

    echo("".join(traceback.format_exception(error)).rstrip("\n"), err=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception within the context; only the main thread can."""

    def terminate(_: int, __: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
