"""The folder of an unfinished run, OUT.h5.work: its finished work, and a lock."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Self

from lmctool.errors import LmctoolError
from lmctool.files.hdf5 import NO_LOCKS
from lmctool.files.input_files import refuse_inputs
from lmctool.files.publish import clear_drafts
from lmctool.results.journal import DRAFT, Journal
from lmctool.run.identity import CALIBRATION_PARTS, UNEXPLAINED, first_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lmctool.run.identity import Identity

SUFFIX = ".work"
RUN, LOCK = "run.json", "lock"
IDENTITY, PROBE = "identity", "probe"
"""Keys of the file that says whose work it is."""


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
        self._described: bool | None = None
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
        self, identity: Identity, outputs: Sequence[Path], *, resume: bool, force: bool
    ) -> None:
        """Keep or drop the work that an earlier run left.

        Args:
            identity: what the numbers of this run depend on.
            outputs: the files that the run is to write.
            resume: keep them.
            force: drop them.

        Raises:
            LmctoolError: there are some and neither is asked for, or they are of another run.
        """
        refuse_inputs([self.folder])
        clear_drafts(outputs)
        if self.has_earlier_work and resume:
            self._check(identity)
        elif self.has_earlier_work and not force:
            raise LmctoolError(
                f"'{self.folder}' has the finished work of an interrupted run; pass --resume to go"
                " on with it, or --force to begin again"
            )
        elif self.has_earlier_work:
            self.clear()
        self.journal.begin = partial(self._describe, identity)
        self.journal.context = cache(lambda: identity.key(calibrated=False))

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

    def _describe(self, identity: Identity) -> None:
        """Write whose work the folder has, and again once the calibration examples are read."""
        if self._described == identity.calibrated:
            return
        parts = identity.parts(calibrated=identity.calibrated)
        content = {IDENTITY: parts, PROBE: identity.run.probe}
        draft = (self.folder / RUN).with_suffix(DRAFT)
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        draft.replace(self.folder / RUN)
        self._described = identity.calibrated

    def _check(self, identity: Identity) -> None:
        """Check that the work is of the same run, and that it would give the same numbers here.

        Raises:
            LmctoolError: it is not, or it is not recorded of which it is.
        """
        try:
            if not (self.folder / RUN).is_file():  # a pipe may never give a byte
                raise FileNotFoundError
            content = json.loads((self.folder / RUN).read_text(encoding="utf-8"))
            earlier, probe = dict(content[IDENTITY]), tuple(content[PROBE])
        except (OSError, ValueError, TypeError, KeyError) as cause:
            raise LmctoolError(
                f"'{self.folder}' does not say whose work it has; pass --force to begin again"
            ) from cause
        calibrated = any(name.startswith(CALIBRATION_PARTS) for name in earlier)
        objection = first_difference(earlier, identity.parts(calibrated=calibrated))
        if not objection and probe != identity.run.probe:
            objection = UNEXPLAINED
        if objection:
            raise LmctoolError(
                f"'{self.folder}' has the work of another run: {objection}; give what it was, or"
                " pass --force to begin again"
            )
