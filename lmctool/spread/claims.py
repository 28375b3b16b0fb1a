"""Which process has what, in a folder that several work in: at most one at a time.

A claim is a file that only one process can create, with the word that names it within.  The claim
of a process that has ended is never removed by others, for two could do so one after the other,
and the second would remove the claim of the first.  They create the next one of the same name,
which only one can.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lmctool.spread.presence import DRAFT, STALE, SUFFIX, TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmctool.spread.presence import Presence

CLAIM = ".claim"


class Claims:
    """The claims of this process."""

    def __init__(self, presence: Presence) -> None:
        """Take how others see this process, which must be entered."""
        self._presence = presence
        self._held: dict[str, Path] = {}

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Have something while the context is open, if no other process has it.

        Args:
            name: what it is, in letters of file names.

        Yields:
            Whether it is had here.
        """
        mine = self.take(name)
        try:
            yield mine
        finally:
            if mine:
                self.release(name)

    def take(self, name: str) -> bool:
        """Take something, and tell whether it is had here now.

        Raises:
            OSError: no claim can be written.
        """
        generation = 0
        while not self._created(path := self._path(name, generation)):
            if self._is_held(path):
                return False
            generation += 1
        self._held[name] = path
        # A process that was taken for dead may have come back and given its claim away since.
        beside = [self._path(name, generation + 1)]
        beside += [self._path(name, before) for before in range(generation)]
        if any(self._is_held(other) for other in beside):
            self.release(name)
            return False
        return True

    def release(self, name: str) -> None:
        """Give something back, if it is had here."""
        if (path := self._held.pop(name, None)) is not None:
            with suppress(OSError):
                path.unlink()

    def is_held(self, name: str) -> bool:
        """Tell whether a process that is at work has something."""
        generation = 0
        while (path := self._path(name, generation)).exists():
            if self._is_held(path):
                return True
            generation += 1
        return False

    def _path(self, name: str, generation: int) -> Path:
        return self._presence.folder / f"{name}.{generation}{CLAIM}"

    def _created(self, path: Path) -> bool:
        """Create a claim; another process may have done so first."""
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(self._presence.token)
        return True

    def _is_held(self, path: Path) -> bool:
        """Tell whether a claim is there and its process at work; one being written counts so."""
        try:
            with path.open("rb") as file:
                created = os.fstat(file.fileno()).st_mtime
                token = file.read(TOKEN + 1).decode("ascii", "replace")
        except OSError:
            return False
        if len(token) != TOKEN:
            return self._presence.now() - created <= STALE
        return token.isalnum() and self._presence.lives(token)


def remove_dead(presence: Presence) -> None:
    """Remove what processes left of themselves in a folder that were killed, and what workers left.

    Args:
        presence: this process, whose run is at its end.
    """
    others = (each.token for each in presence.others() if each.role != "worker")
    living = {presence.token, *others}
    for path in presence.folder.glob(f"*{SUFFIX}"):
        if path.name.removesuffix(SUFFIX) not in living:
            path.unlink(missing_ok=True)
    for path in presence.folder.glob(f"*{DRAFT}"):
        if path.name.removesuffix(DRAFT) not in living:
            path.unlink(missing_ok=True)
    for path in presence.folder.glob(f"*{CLAIM}"):
        with suppress(OSError):
            if path.read_bytes()[: TOKEN + 1].decode("ascii", "replace") not in living:
                path.unlink(missing_ok=True)
