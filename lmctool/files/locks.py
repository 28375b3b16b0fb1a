"""Locks of the file system, which it gives back as soon as their process ends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lmctool.files.hdf5 import NO_LOCKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a file, which is made for it, while the context is open.

    On systems and file systems that have no such locks nothing is locked.

    Raises:
        BlockingIOError: another process has the lock.
        OSError: the file cannot be made.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            if cause.errno not in NO_LOCKS:
                raise
        yield
