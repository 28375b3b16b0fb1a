"""Drafts of outputs: how they are called, who is at work on one, and which nobody is any more.

A process that is killed leaves its drafts behind.  Beside each draft lies a file that its process
holds locked for as long as it writes, and that the file system unlocks as soon as the process ends.
Who publishes into a folder next finds it unlocked, and removes both.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOCK = ".lock"
"""What the name of the file ends in that is held locked."""
HELD = re.compile(r"(\.lmctool-[0-9a-f]{8}-([0-9a-f]{8})-[0-9a-f]{12})\.lock")


@contextmanager
def draft_of(path: Path, suffix: str) -> Iterator[Path]:
    """Yield a name in the folder of an output that nobody else uses, and nobody clears meanwhile.

    What killed processes left in the folder is removed first.  Nothing has the name yet; what has
    it at the end is removed.

    Args:
        path: the output.
        suffix: of the name.

    Raises:
        OSError: the folder cannot be written to.
    """
    clear_abandoned(path.parent)
    handle: int | None = None
    while True:
        stem = f"{_prefix(path)}{_digest(platform.node())}-{secrets.token_hex(6)}"
        lock = path.with_name(stem + LOCK)
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        # None means that there are no locks here.  False, that who clears was quicker: once more.
        if _locked(handle) is not False and lock.exists():
            break
        os.close(handle)
    draft = path.with_name(stem + suffix)
    try:
        yield draft
    finally:
        _remove(draft)
        lock.unlink(missing_ok=True)
        os.close(handle)


def clear_abandoned(folder: Path) -> None:
    """Remove the drafts of a folder that nobody is at work on.

    Those of other machines stay, whose locks may not be seen from here, and so do all drafts where
    there are no locks.
    """
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.endswith(LOCK)]
    except OSError:
        return
    for found in filter(None, map(HELD.fullmatch, names)):
        if found[2] == _digest(platform.node()):
            with suppress(OSError):
                _clear(folder / found[0], found[1])


def _clear(lock: Path, stem: str) -> None:
    """Remove one draft, unless its process still holds the lock."""
    handle = os.open(lock, os.O_WRONLY)
    try:
        if _locked(handle):
            for draft in lock.parent.glob(f"{stem}*"):
                if draft != lock:
                    _remove(draft)
            lock.unlink(missing_ok=True)
    finally:
        os.close(handle)


def clear_drafts(paths: Iterable[Path]) -> None:
    """Remove what killed processes left of these outputs; nobody else may be writing them."""
    for path in paths:
        for draft in path.parent.glob(f"{_prefix(path)}*"):
            _remove(draft)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)


def _locked(handle: int) -> bool | None:
    """Lock an open file; False if another process has it locked, None where there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _prefix(path: Path) -> str:
    """Return how the temporary names of an output begin."""
    return f".lmctool-{_digest(path.name)}-"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
