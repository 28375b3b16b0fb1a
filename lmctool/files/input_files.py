"""The files that a command reads: regular ones, none of which it may write over.

While a command runs, whoever opens a file for it notes the file here, and whoever publishes one
asks here first.  A file is known by its place on the disk, so that other spellings of its name,
links to it and names in other capitals are the same file.
"""

from __future__ import annotations

import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
"""What a path may be that holds no file of an end and a size, by the type that the system says."""

_commands: list[set[tuple[int, int]]] = []
"""The device and the inode of every input of each command that runs in this process."""


@contextmanager
def inputs_noted() -> Iterator[None]:
    """Keep note of input files while a command runs; outside of one nothing is noted."""
    _commands.append(set())
    try:
        yield
    finally:
        _commands.pop()


def note_input(path: Path) -> None:
    """Note a file or a folder as an input; what is not there is passed over."""
    if _commands and (identity := _identity(path)):
        _commands[-1].add(identity)


def is_input(path: Path) -> bool:
    """Tell whether a path is a file or a folder that the running command reads."""
    return bool(_commands) and _identity(path) in _commands[-1]


def refuse_inputs(paths: Iterable[Path]) -> None:
    """Check that outputs are no inputs, whatever ``--force`` says.

    Raises:
        LmctoolError: one is, or is a folder with one in it.
    """
    for path in paths if _commands else ():
        inside = path.iterdir() if path.is_dir() else ()
        if any(map(is_input, (path, *inside))):
            raise LmctoolError(
                f"output '{path}' is an input of this very command; choose another place"
            )


def check_input(path: Path, what: str) -> None:
    """Check that a path is a file to read from its beginning to its end, and note it.

    A pipe or a device may give nothing for ever, or never end.

    Args:
        path: the file, of which nothing is read.
        what: what to call it in an error, such as ``policy 'audit.toml'``.

    Raises:
        LmctoolError: it is not there, or is no regular file.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise LmctoolError(f"{what} does not exist") from cause
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else cause
        raise LmctoolError(f"{what} cannot be read: {reason}") from cause
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "something else")
        raise LmctoolError(f"{what} cannot be read: it is {kind}, no regular file")
    note_input(path)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):  # a name that is too long, or has a zero byte
        return None
    return status.st_dev, status.st_ino
