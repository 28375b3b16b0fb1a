"""What lmctool keeps between runs in the user's cache folder; all of it can be made again."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.files.home import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "LMCTOOL_CACHE"
"""The environment variable that names the folder; nothing is kept where it is set to nothing."""
SUM = 32
"""Bytes of the SHA-256 that each entry begins with."""
MOST = 1 << 28
"""Bytes that entries of one kind may take together; the oldest make room."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of entries, or none, which keeps nothing.

    An entry that is damaged, or cannot be read or written, is one that is not there: no run fails
    for its cache.  Entries are data: whoever reads one executes nothing of it.

    Attributes:
        folder: where entries are, in a folder for each kind; made when the first one is kept.
    """

    folder: Path | None

    def entry(self, kind: str, key: str) -> bytes | None:
        """Return what was kept under a key, or None.

        Args:
            kind: what entries of this kind are, a word.
            key: all that the content follows from.
        """
        if self.folder is None or not _is_own(self.folder):
            return None
        path = self._path(kind, key)
        try:
            whole = path.read_bytes()
            os.utime(path)  # it was of use, so that others make room before it
        except OSError:
            return None
        content = whole[SUM:]
        return content if hashlib.sha256(content).digest() == whole[:SUM] else None

    def keep(self, kind: str, key: str, content: bytes) -> None:
        """Keep what follows from a key; others see the whole of it, or nothing."""
        if self.folder is None or len(content) > MOST:
            return
        path = self._path(kind, key)
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_own(self.folder):
                return
            draft = path.with_name(f"{path.name}-{secrets.token_hex(6)}")
            try:
                draft.write_bytes(hashlib.sha256(content).digest() + content)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            _make_room(path.parent)

    def _path(self, kind: str, key: str) -> Path:
        assert self.folder is not None
        return self.folder / kind / hashlib.sha256(key.encode()).hexdigest()


NO_CACHE = Cache(None)


def user_cache() -> Cache:
    """Return the user's cache: in ``$LMCTOOL_CACHE``, or where the system has such folders."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Cache(expanded(named)) if named else NO_CACHE
    home = Path("~").expanduser() if "HOME" in os.environ or os.name == "nt" else None
    if sys.platform == "darwin":
        return Cache(home / "Library" / "Caches" / "lmctool") if home else NO_CACHE
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA")
        return Cache(Path(local) / "lmctool" / "cache") if local else NO_CACHE
    base = os.environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():
        return Cache(Path(base) / "lmctool")
    return Cache(home / ".cache" / "lmctool") if home else NO_CACHE


def _is_own(folder: Path) -> bool:
    """Tell whether a folder is the user's, and nobody else may write into it."""
    if not hasattr(os, "getuid"):
        return True
    try:
        found = folder.stat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _make_room(folder: Path) -> None:
    """Remove the entries that were of use longest ago, for as long as there are too many bytes."""
    entries = sorted(_entries(folder), reverse=True)
    left = MOST
    for _, size, path in entries:
        left -= size
        if left < 0:
            path.unlink(missing_ok=True)


def _entries(folder: Path) -> Iterator[tuple[float, int, Path]]:
    for path in folder.iterdir():
        with suppress(OSError):  # another process made room meanwhile
            found = path.stat()
            yield found.st_mtime, found.st_size, path
