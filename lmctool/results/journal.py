"""Units: what a run has finished, kept until its output is whole, so that another can go on.

A run asks for its expensive steps in an order that its inputs and settings decide.  Each step is
kept under its place in that order, in files that are written at once and are checked by the
checksums of their format when they are read.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

SUFFIX, DRAFT, MARK = ".npz", ".draft", ".mark"
PAUSE = 0.5
"""Seconds for which finished units are gathered before they are written."""
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class Step:
    """One step of a run: its units that were kept, and those that are finished now."""

    def __init__(self, units: Units, stem: str) -> None:
        """Read what was kept under a name; an empty name keeps nothing."""
        self._units = units
        self._stem = stem
        self._kept = units.read(stem) if stem else {}
        self._new: dict[str, Callable[[], Arrays]] = {}
        self._written = time.monotonic()

    def has(self, name: object) -> bool:
        """Tell whether a unit was kept."""
        return str(name) in self._kept

    def get(self, name: object) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of a unit that was kept, or None."""
        return self._kept.get(str(name))

    def keep(self, name: object, arrays: Callable[[], Arrays]) -> None:
        """Keep a finished unit.

        Args:
            name: what it is called in its step.
            arrays: gives its arrays, when they are written.
        """
        if not self._stem:
            return
        self._new[str(name)] = arrays
        if time.monotonic() - self._written >= PAUSE:
            self.write()

    def write(self) -> None:
        """Write what is finished and not yet written."""
        if self._new:
            packed = {
                f"{name}/{field}": values
                for name, arrays in self._new.items()
                for field, values in arrays().items()
            }
            self._new = {}
            self._units.write(self._stem, packed)
        self._written = time.monotonic()


class Units:
    """The finished units of one run, in a folder.

    Attributes:
        folder: where they are, or None to keep none.
        begin: called once, before the first is written.
        note: tells the user that they cannot be kept.
    """

    def __init__(
        self,
        folder: Path | None = None,
        begin: Callable[[], None] = lambda: None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Keep where they are; nothing is read or written yet."""
        self.folder, self.begin, self.note = folder, begin, note
        self._begun = False
        self._failed = False
        self._within = False
        self._count = 0
        self._marks: set[str] = set()
        self._left: dict[str, list[Path]] | None = None

    def files(self) -> Iterator[Path]:
        """Give the files of the units, and of the words, that are there."""
        if self.folder is not None and self.folder.is_dir():
            for pattern in (f"*{SUFFIX}", f"*{DRAFT}", f"*{MARK}"):
                yield from self.folder.glob(pattern)

    def mark(self, word: str) -> None:
        """Keep a word, with the units that are finished next."""
        self._marks.add(word)

    def marked(self, word: str) -> bool:
        """Tell whether a word was kept."""
        file = self.folder / (word + MARK) if self.folder else None
        return word in self._marks or (file is not None and file.exists())

    @contextmanager
    def step(self, kind: str, *about: object, counted: bool = True) -> Iterator[Step]:
        """Open a step; what is asked for within it is part of it, and is not kept on its own.

        Args:
            kind: what the step does.
            about: what tells it from others of its kind, as JSON can say it.
            counted: whether its place in the order matters; where ``about`` says all of it, not.
        """
        if self._within or self.folder is None:
            yield Step(self, "")
            return
        self._count += counted
        told = json.dumps([kind, *about], default=str).encode()
        place = f"{self._count:06d}" if counted else "any"
        step = Step(self, f"{place}-{hashlib.sha256(told).hexdigest()[:16]}")
        self._within = True
        try:
            yield step
        finally:
            self._within = False
            step.write()

    def read(self, stem: str) -> dict[str, dict[str, NDArray[Any]]]:
        """Return the arrays of each unit that was kept of a step; damaged files are passed over."""
        import numpy as np

        found: dict[str, dict[str, NDArray[Any]]] = {}
        for path in self._earlier().get(stem, ()):
            try:
                with np.load(path, allow_pickle=False) as file:
                    members = {member: file[member] for member in file.files}
            except UNREADABLE:
                continue
            for member, values in members.items():
                name, _, field = member.rpartition("/")
                found.setdefault(name, {})[field] = values
        return found

    def _earlier(self) -> dict[str, list[Path]]:
        """Return the files that an earlier run left, by their step; listed before any is added."""
        if self._left is None:
            self._left = {}
            for path in self.folder.glob(f"*{SUFFIX}") if self.folder else ():
                self._left.setdefault(path.stem.rpartition("-")[0], []).append(path)
        return self._left

    def write(self, stem: str, arrays: Arrays) -> None:
        """Write the arrays of units of a step into a file of their own, at once."""
        import numpy as np

        savez: Any = np.savez  # its stub takes no names beside its own
        if self.folder is None or self._failed:
            return
        try:
            if not self._begun:
                self.begin()
                self._begun = True
            for mark in self._marks:
                (self.folder / (mark + MARK)).touch()
            path = self.folder / f"{stem}-{secrets.token_hex(6)}{SUFFIX}"
            draft = path.with_suffix(DRAFT)
            with draft.open("wb") as file:
                savez(file, allow_pickle=False, **arrays)
            draft.replace(path)
        except OSError as cause:
            self.note(f"finished units cannot be kept any more: {cause.strerror}")
            self._failed = True


NONE = Step(Units(), "")
"""A step that keeps nothing."""
