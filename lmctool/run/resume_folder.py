"""The folder of an unfinished run, OUT.h5.work: its finished work, and who may work there."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Self

import msgspec

from lmctool.errors import LmctoolError
from lmctool.files.drafts import clear_drafts
from lmctool.files.input_files import refuse_inputs
from lmctool.files.locks import locked
from lmctool.plugin.spreading import Serial
from lmctool.results.journal import Journal
from lmctool.run.identity import (
    CALIBRATION_PARTS,
    UNEXPLAINED,
    first_difference,
    in_words_of,
    key_of,
    without_machine,
)
from lmctool.spread.claims import Claims, remove_dead
from lmctool.spread.lists import remove_told
from lmctool.spread.presence import Presence
from lmctool.spread.records import this_process
from lmctool.spread.run_record import RunRecord, record_of, remove_record, write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lmctool.plugin.settings import Repetition
    from lmctool.run.identity import Identity
    from lmctool.spread.presence import Role
    from lmctool.spread.share import Share

SUFFIX = ".work"
LOCK = "lock"
OUTPUT, BEGINNING = "output", "beginning"
"""What is claimed in it: to write the output, and to say whose work it has."""
PAUSE = 0.2
"""Seconds between two looks whether another shard has said that."""


class ResumeFolder:
    """The finished work of an unfinished run, while it is entered.

    A whole run has the folder for itself; shards have it together.

    Attributes:
        out: the result.
        folder: its path.
        share: the share of the run that is computed here; None for the whole.
        journal: the finished work.
        presence: how other processes see this one; there once it is entered.
        claims: what this process has there; likewise.
        has_earlier_work: whether an earlier run left some.
        record: whose work it has, as far as that is known.
    """

    presence: Presence
    claims: Claims

    def __init__(
        self, out: Path, note: Callable[[str], None], share: Share | None = None, *, mixed: bool
    ) -> None:
        """Name the folder of the result ``out``; nothing on disk is touched yet.

        Args:
            out: the result.
            note: tells the user something worth knowing.
            share: the share that is computed here; None for the whole.
            mixed: whether work of machines that compute other bits is taken.
        """
        self.out, self.share = out, share
        self.folder = out.with_name(out.name + SUFFIX)
        self.journal = Journal(self.folder, note=note)
        self.has_earlier_work = False
        self.record: RunRecord | None = None
        self._mixed = mixed
        self._described: bool | None = None
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        """Begin to work there; see who else does.

        Raises:
            LmctoolError: another process may not have this one beside it, the folder cannot be
                created, or an input of the running command lies in it.
        """
        refuse_inputs([self.folder])
        try:
            self.folder.mkdir(exist_ok=True)
            self._enter()
        except BaseException as error:
            self._entered.close()
            with suppress(OSError):
                if isinstance(error, OSError):  # and no other run has it
                    (self.folder / LOCK).unlink(missing_ok=True)
                self.folder.rmdir()
            if isinstance(error, OSError):
                raise self._unusable(error) from error
            raise
        self.has_earlier_work = any(self.journal.files())
        with suppress(ValueError):
            self.record = record_of(self.folder)
        return self

    def _enter(self) -> None:
        if self.share is None:
            try:
                self._entered.enter_context(locked(self.folder / LOCK))
            except BlockingIOError as cause:
                raise self._busy() from cause
        worker = this_process()
        role: Role = "run" if self.share is None else "shard"
        part = "" if self.share is None else str(self.share)
        self.presence = self._entered.enter_context(Presence(self.folder, role, worker, part))
        self.claims = Claims(self.presence)
        # Whoever comes writes first and looks then, so that of two at least one sees the other.
        if self.share is None:
            if not self._entered.enter_context(self.claims.held(OUTPUT)):
                raise self._busy()
            if shards := [each for each in self.presence.others() if each.role == "shard"]:
                several = f"{len(shards)} shards are" if len(shards) > 1 else "1 shard is"
                raise LmctoolError(
                    f"{several} at work on output '{self.out}', one of them on"
                    f" {shards[0].worker.host!r}; wait for their end (lmctool work '{self.folder}'"
                    " shows them), or choose another output with -o"
                )
        elif any(each.role == "run" for each in self.presence.others()):
            raise LmctoolError(
                f"a run without --shard is at work on output '{self.out}'; wait for its end, or"
                " choose another output with -o"
            )

    def _unusable(self, cause: OSError) -> LmctoolError:
        return LmctoolError(f"folder '{self.folder}' cannot be used: {cause.strerror}")

    def _busy(self) -> LmctoolError:
        return LmctoolError(
            f"another run is at work on output '{self.out}'; wait for its end, or choose another"
            " with -o"
        )

    def __exit__(self, *_: object) -> None:
        """Let others work there; what a whole run leaves without finished work is removed."""
        with suppress(OSError):
            if self.share is None and self._is_alone():
                if not any(self.journal.files()):
                    self.clear()
                remove_dead(self.presence)
        self._entered.close()
        with suppress(OSError):
            if self.share is None:
                (self.folder / LOCK).unlink(missing_ok=True)
            self.folder.rmdir()

    def _is_alone(self) -> bool:
        """Tell whether no other process has begun here, as one may that took this one for dead."""
        return all(each.role == "worker" for each in self.presence.others())

    @contextmanager
    def founded(self) -> Iterator[None]:
        """Let one shard alone say whose work the folder has, and let the others wait for it.

        Within, either ``record`` says it, or this shard is the one that is to.

        Raises:
            LmctoolError: it cannot be read whose work it has.
        """
        while not self._founded() and not self.claims.take(BEGINNING):
            time.sleep(PAUSE)
        try:
            self._founded()  # another one may have said it before this one could
            yield
        finally:
            self.claims.release(BEGINNING)

    def _founded(self) -> bool:
        self.record = self._read_record()
        return self.record is not None and self.record.shared

    def join(self, identity: Identity, command: str, evaluation: Repetition | None) -> str:
        """Take part as a shard: say whose work the folder has, or check that it is of this run.

        Args:
            identity: what the numbers of this run depend on.
            command: the command line of the whole run.
            evaluation: how networks are evaluated; None where none are.

        Returns:
            Why this machine may round differently, in words; empty if it does not.

        Raises:
            LmctoolError: the work is of another run, or this machine computes other bits.
        """
        refuse_inputs([self.folder])
        differs = "" if self.record is None else self._check(identity, self.record)
        if self.record is None or not self.record.shared:
            try:
                self._write_record(identity, command, evaluation, shared=True)
            except OSError as cause:
                raise self._unusable(cause) from cause
        self._begin(identity, partial(self._calibrated, identity))
        return differs

    def begin(
        self,
        identity: Identity,
        outputs: Sequence[Path],
        *,
        resume: bool,
        force: bool,
        command: str = "",
    ) -> None:
        """Keep or drop the work that an earlier run left.

        Args:
            identity: what the numbers of this run depend on.
            outputs: the files that the run is to write.
            resume: keep them.
            force: drop them.
            command: the command line, for the record.

        Raises:
            LmctoolError: there are some and neither is asked for, or they are of another run.
        """
        refuse_inputs([self.folder])
        clear_drafts(outputs)
        if self.has_earlier_work and resume:
            self.record = self._read_record()
            self._check(identity, self.record)
        elif self.has_earlier_work and not force:
            raise LmctoolError(
                f"'{self.folder}' has the finished work of an interrupted run; pass --resume to go"
                " on with it, or --force to begin again"
            )
        else:
            self.clear()
        self._begin(identity, partial(self._describe, identity, command))

    def clear(self) -> None:
        """Drop all finished work, and what is known of it; no other process may be at work."""
        for path in self.journal.files():
            path.unlink(missing_ok=True)
        remove_record(self.folder)
        remove_told(self.folder)
        self.record = None

    def notes(self) -> list[str]:
        """Return where the finished work is, in words, if there is some."""
        if not any(self.journal.files()):
            return []
        how = "the same command" if self.share else "the same command with --resume"
        return [f"what was finished is kept in '{self.folder}'; {how} goes on with it"]

    def _begin(self, identity: Identity, describe: Callable[[], None]) -> None:
        self.journal.begin = describe
        self.journal.context = cache(partial(self._context, identity))

    def _context(self, identity: Identity) -> str:
        """Return what all entries depend on: on the machine of the first who took part."""
        if self.record is None:
            return identity.key(calibrated=False)
        return key_of(_uncalibrated(self.record.identity))

    def _describe(self, identity: Identity, command: str) -> None:
        """Write whose work the folder has, and again once the calibration examples are read."""
        if self._described == identity.calibrated:
            return
        if self.record is None:
            self._write_record(identity, command, None, shared=False)
        else:
            self._calibrated(identity)
        self._described = identity.calibrated

    def _calibrated(self, identity: Identity) -> None:
        """Add the calibration examples to the record once they are read, or compare them with it.

        Raises:
            LmctoolError: they are others.
        """
        if not identity.calibrated or self._described:
            return
        record = self._read_record() or self.record
        assert record is not None
        self._check(identity, record)
        if not _is_calibrated(record.identity):
            parts = identity.parts(calibrated=True)
            more = {name: text for name, text in parts.items() if name not in record.identity}
            record = msgspec.structs.replace(record, identity={**record.identity, **more})
            write_record(self.folder, record)
        self.record = record
        self._described = True

    def _write_record(
        self, identity: Identity, command: str, evaluation: Repetition | None, *, shared: bool
    ) -> None:
        """Write whose work the folder has, and what all who take part do alike.

        Raises:
            OSError: it cannot be written.
        """
        import torch

        before = self.record
        self.record = RunRecord(
            identity=before.identity if before else identity.parts(calibrated=identity.calibrated),
            probe=before.probe if before else list(identity.run.probe),
            command=command,
            threads=torch.get_num_threads(),
            evaluation=evaluation,
            spread=not isinstance(identity.run.spread, Serial),
            shared=shared,
        )
        write_record(self.folder, self.record)

    def _read_record(self) -> RunRecord | None:
        """Return whose work the folder has; None where nobody said it.

        Raises:
            LmctoolError: it cannot be read.
        """
        try:
            return record_of(self.folder)
        except ValueError as cause:
            raise self._unknown() from cause

    def _unknown(self) -> LmctoolError:
        how = "pass --force" if self.share is None else "remove it"
        return LmctoolError(f"'{self.folder}' does not say whose work it has; {how} to begin again")

    def _check(self, identity: Identity, record: RunRecord | None) -> str:
        """Check that the work is of the same run, and that it would give the same numbers here.

        Returns:
            Why this machine may round differently, where that is allowed; else nothing.

        Raises:
            LmctoolError: it is not, or it is not recorded of which it is.
        """
        if record is None:
            raise self._unknown()
        parts = identity.parts(calibrated=_is_calibrated(record.identity))
        now = in_words_of(record.identity, parts, identity.run)
        differs = first_difference(record.identity, now)
        if not differs and tuple(record.probe) != identity.run.probe:
            differs = UNEXPLAINED
        objection = differs
        if self._mixed:
            objection = first_difference(*map(without_machine, (record.identity, now)))
        if objection:
            how = "pass --force" if self.share is None else "remove the folder"
            raise LmctoolError(
                f"'{self.folder}' has the work of another run: {objection}; give what it was, or"
                f" {how} to begin again"
            )
        return differs


def _is_calibrated(parts: Mapping[str, str]) -> bool:
    return any(name.startswith(CALIBRATION_PARTS) for name in parts)


def _uncalibrated(parts: Mapping[str, str]) -> dict[str, str]:
    return {n: text for n, text in parts.items() if not n.startswith(CALIBRATION_PARTS)}
