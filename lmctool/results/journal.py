"""The journal of a run: what it has computed, kept until its output is whole.

An entry is named by the digest of what was computed: the network, the data, the task, the
arithmetic, and in what context (code, versions, the machine).  Its place in any order plays no
part, so that a run which goes on after an interruption may ask in another order and still gets the
numbers of an unbroken run.  Files are written at once
and are checked by the checksums of their format when they are read.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import zipfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

SUFFIX, DRAFT = ".npz", ".draft"
PAUSE = 0.5
"""Seconds for which finished entries are gathered before they are written."""
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class Entry:
    """One thing that is computed.

    Attributes:
        arrays: what an earlier run computed, or None.
    """

    def __init__(self, journal: Journal, name: str) -> None:
        """Look it up; an empty name is never known and never kept."""
        self._journal = journal
        self._name = name
        self.arrays = journal.read(name) if name else None

    def keep(self, arrays: Callable[[], Arrays]) -> None:
        """Keep what was computed.

        Args:
            arrays: gives its arrays, when they are written.
        """
        if self._name:
            self._journal.add(self._name, arrays)


class Entries:
    """The entries that share what they are about."""

    def __init__(self, journal: Journal, about: tuple[object, ...]) -> None:
        """Take what their names begin with."""
        self._journal = journal
        self._about = about

    def entry(self, what: Callable[[], object] | None) -> Entry:
        """Return the entry of one thing.

        Args:
            what: says what it is, as JSON can; only asked where a journal is kept, for it may
                take time.  None for a thing that nobody can tell from others: it is not kept.
        """
        if not self._journal.keeps or what is None:
            return Entry(self._journal, "")
        text = json.dumps([self._journal.context(), *self._about, what()], sort_keys=True)
        return Entry(self._journal, hashlib.sha256(text.encode()).hexdigest())


class Journal:
    """The finished work of one run, in a folder.

    Attributes:
        folder: where it is, or None to keep none.
        begin: called before entries are written.
        context: says what every entry depends on beside what it is about.
        note: tells the user that nothing can be kept.
        written: the names of the files that were written.
    """

    def __init__(
        self,
        folder: Path | None = None,
        begin: Callable[[], None] = lambda: None,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take where it is; nothing is read or written yet."""
        self.folder, self.begin, self.note = folder, begin, note
        self.context: Callable[[], str] = str
        self.written: list[str] = []
        self._failed = False
        self._new: dict[str, Callable[[], Arrays]] = {}
        self._written = time.monotonic()
        self._stored: dict[str, Path] | None = None
        self._looked_at: set[Path] = set()

    def files(self) -> Iterator[Path]:
        """Yield the files of the journal that are there."""
        if self.folder is not None and self.folder.is_dir():
            for pattern in (f"*{SUFFIX}", f"*{DRAFT}"):
                yield from self.folder.glob(pattern)

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self.folder is not None

    @contextmanager
    def entries(self, kind: str, *about: object) -> Iterator[Entries]:
        """Open the entries of one kind; those that are new are on disk when it is left.

        Args:
            kind: what is computed.
            about: what all of them depend on, as JSON can say it.
        """
        try:
            yield Entries(self, (kind, *about))
        finally:
            self.write()

    def add(self, name: str, arrays: Callable[[], Arrays]) -> None:
        """Take a finished entry, to be written soon."""
        self._new[name] = arrays
        if time.monotonic() - self._written >= PAUSE:
            self.write()

    def read(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of an entry, or None; a damaged file is passed over."""
        import numpy as np

        path = self._index().get(name)
        if path is None:
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                members = [member for member in file.files if member.startswith(f"{name}/")]
                return {member.removeprefix(f"{name}/"): file[member] for member in members}
        except UNREADABLE:
            return None

    def write(self) -> None:
        """Write what is finished and not yet written into a file of its own, at once."""
        import numpy as np

        savez: Any = np.savez  # its stub takes no names beside its own
        new, self._new = self._new, {}
        if new and self.folder is not None and not self._failed:
            packed = {
                f"{name}/{field}": values
                for name, arrays in new.items()
                for field, values in arrays().items()
            }
            path = self.folder / f"{secrets.token_hex(8)}{SUFFIX}"
            draft = path.with_suffix(DRAFT)
            try:
                self.begin()
                with draft.open("wb") as file:
                    savez(file, allow_pickle=False, **packed)
                draft.replace(path)
                self._index().update(dict.fromkeys(new, path))
                self.written.append(path.name)
            except OSError as cause:
                self.note(f"finished work cannot be kept any more: {cause.strerror}")
                self._failed = True
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
        self._written = time.monotonic()

    def take(self, files: Iterable[str]) -> None:
        """Take entries that another process wrote since, by the names of its files."""
        if self.folder is not None:
            self._index()
            self._look([self.folder / name for name in files])

    def look_again(self) -> bool:
        """Take all entries that other processes wrote since; tell whether there were any."""
        return self._look(self.folder.glob(f"*{SUFFIX}") if self.folder else ())

    def _index(self) -> dict[str, Path]:
        """Return the file of each entry: of those that an earlier run left, and of those since."""
        if self._stored is None:
            self.look_again()
        assert self._stored is not None
        return self._stored

    def _look(self, paths: Iterable[Path]) -> bool:
        """Take the entries of files that were not looked at before; tell whether there were any."""
        stored: dict[str, Path] = {}
        for path in paths:
            if path in self._looked_at or not path.is_file():  # a pipe may never give a byte
                continue
            try:
                with zipfile.ZipFile(path) as file:
                    names = {member.partition("/")[0] for member in file.namelist()}
            except UNREADABLE:
                continue
            self._looked_at.add(path)
            stored |= dict.fromkeys(names, path)
        self._stored = (self._stored or {}) | stored  # whole at once: threads read it
        return bool(stored)


class MemoryJournal(Journal):
    """A journal that nobody finds after the run, for one that computes the same several times."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._kept: dict[str, dict[str, NDArray[Any]]] = {}

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return True

    def add(self, name: str, arrays: Callable[[], Arrays]) -> None:
        """Take a finished entry."""
        self._kept[name] = {field: values.copy() for field, values in arrays().items()}

    def read(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of an entry, or None."""
        kept = self._kept.get(name)
        return None if kept is None else {field: values.copy() for field, values in kept.items()}


NO_JOURNAL = Journal()
"""A journal that keeps nothing."""
