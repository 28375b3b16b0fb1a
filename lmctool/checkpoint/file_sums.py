"""The SHA-256 of a checkpoint's files, and what the user's cache knows of it from earlier."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lmctool.errors import LmctoolError
from lmctool.files.cache import NO_CACHE, Cache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Origin = Literal["file", "cache", "skipped"]
KIND = "sha256"
"""The kind of the cache's entries."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a file's times tell of any later change: some count seconds alone."""
SUM = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileSum:
    """The identity of a checkpoint's bytes.

    Attributes:
        sha256: of the file; of several, of the sorted list of their names and sums; None of a
            network in memory, and where nobody wanted it.
        origin: whether the bytes were read for it now, the cache knew it, or it was skipped; None
            of a network in memory.
    """

    sha256: str | None
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class FileSums:
    """Whether the sums of files are wanted, and where earlier ones are kept.

    A file is taken for the one that was read earlier where its device, inode, size and both times
    (of the last change of its content, and of anything) are the same to the nanosecond.  Nobody
    can set the second of them, but who sets the machine's clock.
    """

    cache: Cache = NO_CACHE
    wanted: bool = True

    def known(self, files: Sequence[Path]) -> FileSum | None:
        """Return the sum of files as far as no byte is needed for it; None where they are."""
        if not files:
            return FileSum(None, None)
        if not self.wanted:
            return FileSum(None, "skipped")
        key = _key(files)
        content = self.cache.entry(KIND, key) if key else None
        if content is None or not SUM.fullmatch(content):
            return None
        return FileSum(content.decode(), "cache")

    def keep(self, files: Sequence[Path], sha256: str, seen: str, begun: int) -> None:
        """Keep the sum of files for later runs, unless they may have changed meanwhile.

        Args:
            files: the files.
            sha256: their sum.
            seen: their ``appearance`` before they were read.
            begun: the time then, in nanoseconds.
        """
        if seen and seen == _key(files, before=begun - SETTLED):
            self.cache.keep(KIND, seen, sha256.encode())


EVERY_TIME = FileSums()
"""Sums are wanted, and none is kept."""
NO_SUMS = FileSums(wanted=False)
"""No sums are wanted."""


def appearance(files: Sequence[Path]) -> tuple[str, int]:
    """Return what tells files from what they become when they change, and the time now."""
    return _key(files), time.time_ns()


def sum_of(sums: Mapping[str, str]) -> str:
    """Return the sum of files from that of each by its name: of one file its own."""
    if len(sums) == 1:
        return next(iter(sums.values()))
    return hashlib.sha256(json.dumps(sorted(sums.items())).encode()).hexdigest()


def _key(files: Sequence[Path], before: int | None = None) -> str:
    """Return what tells files from what they become when they change; empty if nothing does.

    Args:
        files: the files.
        before: a time in nanoseconds; where one was changed later, nothing does.

    Raises:
        LmctoolError: one cannot be looked at.
    """
    if os.name == "nt":  # which has no time of the last change of anything
        return ""
    about = []
    for file in files:
        try:
            found = file.stat()
        except OSError as cause:
            raise LmctoolError(f"'{file}' cannot be read: {cause.strerror}") from cause
        times = found.st_mtime_ns, found.st_ctime_ns
        if before is not None and max(times) > before:
            return ""
        about.append([file.name, found.st_dev, found.st_ino, found.st_size, *times])
    return json.dumps(about)
