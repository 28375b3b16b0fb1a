"""The folder of an unfinished run, OUT.h5.work: its finished work, and a lock."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from lmctool.errors import LmctoolError
from lmctool.files.hdf5 import NO_LOCKS
from lmctool.files.input_files import refuse_inputs
from lmctool.files.publish import clear_drafts
from lmctool.results.journal import DRAFT, Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SUFFIX = ".work"
RUN, LOCK = "run.json", "lock"


class ResumeFolder:
    """The finished work of an unfinished run; locked while it is entered.

    Attributes:
        folder: its path.
        journal: the finished work.
        has_earlier_work: whether an earlier run left some.
    """

    def __init__(self, out: Path, note: Callable[[str], None]) -> None:
        """Name the folder of the result ``out``; nothing on disk is touched yet."""
        from filelock import FileLock

        self.out = out
        self.folder = out.with_name(out.name + SUFFIX)
        self.journal = Journal(self.folder, note=note)
        self.has_earlier_work = False
        self._lock = FileLock(self.folder / LOCK, timeout=0)

    def __enter__(self) -> Self:
        """Take the lock; where the file system has none, that is noted and the run goes on.

        Raises:
            LmctoolError: another process has it, the folder cannot be created, or an input of the
                running command lies in it.
        """
        from filelock import Timeout

        refuse_inputs([self.folder])
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock.acquire()
        except Timeout as cause:
            raise LmctoolError(
                f"another run is at work on output '{self.out}'; wait for its end, or choose"
                " another with -o"
            ) from cause
        except OSError as cause:
            if cause.errno not in NO_LOCKS:
                with suppress(OSError):
                    self.folder.rmdir()
                raise LmctoolError(
                    f"folder '{self.folder}' cannot be used: {cause.strerror}"
                ) from cause
            self.journal.note(
                f"Warning: the file system of '{self.folder}' has no locks, so nothing keeps a"
                " second run from writing the same output"
            )
        self.has_earlier_work = any(self.journal.files())
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock; a folder without finished work is removed."""
        if not any(self.journal.files()):
            self.clear()
        self._lock.release()
        with suppress(OSError):
            (self.folder / LOCK).unlink()
            self.folder.rmdir()

    def begin(
        self,
        identity: Callable[[], Mapping[str, str]],
        outputs: Sequence[Path],
        *,
        resume: bool,
        force: bool,
    ) -> None:
        """Keep or drop the work that an earlier run left.

        Args:
            identity: returns what the numbers of this run depend on, by name.
            outputs: the files that the run is to write.
            resume: keep them.
            force: drop them.

        Raises:
            LmctoolError: there are some and neither is asked for, or they are of another run.
        """
        refuse_inputs([self.folder])
        clear_drafts(outputs)
        if self.has_earlier_work and resume:
            self._check(identity())
        elif self.has_earlier_work and not force:
            raise LmctoolError(
                f"'{self.folder}' has the finished work of an interrupted run; pass --resume to"
                " go on with it, or --force to begin again"
            )
        elif self.has_earlier_work:
            self.clear()
        self.journal.begin = lambda: self._describe(identity())

    def clear(self) -> None:
        """Drop all finished work."""
        for path in (*self.journal.files(), self.folder / RUN):
            path.unlink(missing_ok=True)

    def notes(self) -> list[str]:
        """Return where the finished work is, in words, if there is some."""
        if not any(self.journal.files()):
            return []
        return [
            f"what was finished is kept in '{self.folder}'; the same command with --resume goes"
            " on with it"
        ]

    def _describe(self, identity: Mapping[str, str]) -> None:
        draft = (self.folder / RUN).with_suffix(DRAFT)
        draft.write_text(json.dumps(identity, indent=1), encoding="utf-8")
        draft.replace(self.folder / RUN)

    def _check(self, identity: Mapping[str, str]) -> None:
        """Check that the work is of the same run.

        Raises:
            LmctoolError: they are not, or it is not recorded of which they are.
        """
        try:
            if not (self.folder / RUN).is_file():
                raise FileNotFoundError
            earlier = dict(json.loads((self.folder / RUN).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as cause:
            raise LmctoolError(
                f"'{self.folder}' does not say whose work it has; pass --force to begin again"
            ) from cause
        names = [n for n in {**earlier, **identity} if earlier.get(n) != identity.get(n)]
        if names:
            was, now = earlier.get(names[0], "nothing"), identity.get(names[0], "nothing")
            raise LmctoolError(
                f"'{self.folder}' has the work of another run: {names[0]} was {was} and is {now};"
                " give what it was, or pass --force to begin again"
            )
