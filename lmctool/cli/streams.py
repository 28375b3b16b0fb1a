"""Stdout and stderr that may be full or closed, or that their reader has left.

What they do not take is no reason to end a command before its files are written.  So a write to
them never fails: the first error is kept, and told when the command is done.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from lmctool.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import ReadableBuffer

NAMES = ("stdout", "stderr")
JUDGED = (ExitCode.DONE, ExitCode.GATE, ExitCode.UNJUDGED)
"""The codes of a command that has something to say on stdout."""


class Drain(io.FileIO):
    """A stream of bytes that drops what its place does not take.

    Attributes:
        trouble: why it dropped something; empty if it did not.  A reader that left has read what
            it wanted, and is no trouble.
    """

    def __init__(self, number: int, *, closed: bool) -> None:
        """Write to a file descriptor, or to none.

        Args:
            number: the file descriptor, which is left open.
            closed: it only stands for one that is closed.
        """
        super().__init__(number, "wb", closefd=False)
        self.trouble = ""
        self._closed = closed
        self._left = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write the bytes, or drop them."""
        if self._closed:
            self.trouble = "it is closed"
        if not self._left and not self.trouble:
            try:
                return super().write(data)
            except BrokenPipeError:
                self._left = True
            except OSError as cause:
                self.trouble = cause.strerror or str(cause)
        return memoryview(data).nbytes


def exit_code(run: Callable[[], int]) -> int:
    """Run a command, and return its exit code: 2 where something that it said was lost.

    Args:
        run: runs the command, and returns its exit code.
    """
    with _drained() as drains:
        code = run()
        for name, drain in drains.items():
            _flush(getattr(sys, name))
            if drain.trouble and code in JUDGED:
                code = ExitCode.USAGE
                click.echo(f"Error: {name} cannot be written: {drain.trouble}", err=True)
    return code


@contextmanager
def _drained() -> Iterator[dict[str, Drain]]:
    """Let this process write to drains; a stream that somebody else put in place stays."""
    before = {name: getattr(sys, name) for name in NAMES}
    drains = {}
    for number, (name, stream) in enumerate(before.items(), 1):
        if stream is None or _is_plain(stream):
            _flush(stream)
            drain = Drain(
                _stand_in(number) if stream is None else stream.fileno(), closed=not stream
            )
            drains[name] = drain
            setattr(sys, name, _text(drain, stream))
    try:
        yield drains
    finally:
        for name in drains:
            _flush(getattr(sys, name))
            setattr(sys, name, before[name])


def _flush(stream: io.TextIOWrapper | None) -> None:
    """Write out what a stream still holds, if it can."""
    with suppress(ValueError, OSError):  # somebody has closed it, or it was full before
        if stream is not None:
            stream.flush()


def _is_plain(stream: object) -> bool:
    """Tell whether a stream writes to a file descriptor, and not to a test or a notebook."""
    buffer = stream.buffer if isinstance(stream, io.TextIOWrapper) else None
    return isinstance(getattr(buffer, "raw", buffer), io.FileIO)


def _text(drain: Drain, like: io.TextIOWrapper | None) -> io.TextIOWrapper:
    """Return a stream of text into a drain, as another one is."""
    if like is None:
        return io.TextIOWrapper(io.BufferedWriter(drain), "utf-8", "replace")
    return io.TextIOWrapper(
        io.BufferedWriter(drain),
        like.encoding,
        like.errors,
        line_buffering=like.line_buffering or like.write_through,
    )


def _stand_in(number: int) -> int:
    """Return a descriptor of nothing; no file that is opened later gets a closed one's number."""
    while (descriptor := os.open(os.devnull, os.O_WRONLY)) < number:
        pass
    return descriptor
