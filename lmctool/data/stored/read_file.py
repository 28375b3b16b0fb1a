"""A file that a run reads piece by piece, and that must stay what it was meanwhile."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile)
"""What reading and unpacking a file can fail with."""


class ReadFile:
    """A file that is read again and again.

    Attributes:
        path: where it is.
        size: its bytes.
    """

    def __init__(self, path: Path) -> None:
        """Keep what the file is now; nothing of it is read."""
        self.path = path
        self._was = _state(path)
        self.size = path.stat().st_size

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read something of it in the context, and see whether the file is still the same.

        Raises:
            LmctoolError: it cannot be read, ends too early, or was changed.
        """
        failure: Exception | None = None
        try:
            yield
        except (LmctoolError, *UNREADABLE) as cause:
            failure = cause
        try:
            changed = _state(self.path) != self._was
        except OSError as cause:
            failure, changed = cause, False
        if changed:
            raise LmctoolError(
                f"'{self.path}' was changed while it was being read; run this again"
            ) from failure
        if isinstance(failure, LmctoolError):
            raise failure
        if failure is not None:
            reason = getattr(failure, "strerror", None) or failure
            raise LmctoolError(f"'{self.path}' cannot be read: {reason}") from failure


def _state(path: Path) -> tuple[int, int, int]:
    """Return what is another wherever a file is replaced or written to."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
