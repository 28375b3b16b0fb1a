"""What a folder of finished work tells of a run: what is done, by whom, and what is left."""

from __future__ import annotations

import shlex
import zipfile
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lmctool.errors import LmctoolError
from lmctool.spread.finished import MARK, Mark
from lmctool.spread.lists import Failure, ItemList, failures_of, lists_of
from lmctool.spread.presence import SUFFIX, Present, now_at, present
from lmctool.spread.run_record import RUN, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lmctool.spread.records import Worker

ENTRIES = "*.npz"
LONGEST = 1 << 16
"""Bytes of a mark at most; a longer one is none."""
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError)
"""What a damaged file of entries is met with; a RuntimeError where it is encrypted."""
MAGIC = b"\x93NUMPY\x01\x00"
"""How an array of numpy begins; the length of its head follows, in two bytes."""
ROLES = {"run": 0, "shard": 1, "worker": 2}
"""The order in which processes are listed."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one host and device did of a list.

    Attributes:
        host: the name of the machine.
        device: what it computes on.
        items: how many items it computed.
        seconds: how long it took for them, one after the other.
    """

    host: str
    device: str
    items: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a list of items is.

    Attributes:
        told: the list; of one that nobody wrote down the count is what is known to be done.
        done: how many of its items are finished.
        parts: who computed them, those that computed most first.
        failures: its items that could not be computed, and are not finished.
    """

    told: ItemList
    done: int
    parts: tuple[Part, ...]
    failures: tuple[Failure, ...]

    @property
    def left(self) -> int:
        """How many items are not finished."""
        return max(0, self.told.count - self.done)

    @property
    def seconds_left(self) -> float | None:
        """How long one process would take for what is left; None where nothing tells that."""
        computed = sum(part.items for part in self.parts)
        if not computed:
            return None
        return self.left * sum(part.seconds for part in self.parts) / computed


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of a run from the folder of its finished work.

    Attributes:
        command: the command line of the run; empty for unknown.
        shared: whether shards take part.
        lists: how far each list is that the run has come to, in their order.
        processes: those that are at work, whole runs first, then shards, then workers.
    """

    command: str
    shared: bool
    lists: tuple[Progress, ...]
    processes: tuple[Present, ...]

    @property
    def resumed(self) -> str:
        """The command line that computes what is left and writes the result; empty for unknown."""
        try:
            program, *words = shlex.split(self.command)
        except ValueError:
            return ""
        if program != "lmctool" or not words:  # a call of Python code
            return ""
        return shlex.join([program, words[0], "--resume", *words[1:]])

    @property
    def computing(self) -> int:
        """How many processes compute items."""
        roles = Counter(each.role for each in self.processes)
        return roles["shard"] + (roles["worker"] or roles["run"])

    @property
    def seconds_left(self) -> float | None:
        """How long those at work take for what is left of known lists; None for unknown."""
        times = [each.seconds_left for each in self.lists if each.left]
        if not times or not self.computing or None in times:
            return None
        return sum(time for time in times if time is not None) / self.computing


def tally(folder: Path) -> Tally:
    """Return what a folder of finished work tells; others may be writing there, files be damaged.

    Raises:
        LmctoolError: it is no such folder.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise LmctoolError(
            f"'{folder}' {what}; name the folder of an unfinished run, which is called like its"
            " result with .work behind it"
        )
    if not (folder / RUN).exists() and not any(folder.glob(f"*{SUFFIX}")):
        raise LmctoolError(
            f"'{folder}' has no work of a run in it: it lacks {RUN!r}; name a folder that is called"
            " like a result with .work behind it"
        )
    try:
        record = record_of(folder)
    except ValueError:
        record = None
    processes = sorted(
        present(folder, now_at(folder)),
        key=lambda each: (ROLES[each.role], each.worker.host, each.share, each.token),
    )
    return Tally(
        command="" if record is None else record.command,
        shared=record is not None and record.shared,
        lists=tuple(_progress(folder)),
        processes=tuple(processes),
    )


def workers_of(folder: Path) -> Counter[Worker]:
    """Return how many items each process computed, by the marks in a folder of finished work."""
    return Counter(mark.worker for mark in _marks(folder).values())


def _progress(folder: Path) -> Iterator[Progress]:
    """Give how far each list is."""
    by_list: dict[int, list[Mark]] = {}
    marks = _marks(folder)
    for mark in marks.values():
        by_list.setdefault(mark.ordinal, []).append(mark)
    told = {each.ordinal: each for each in lists_of(folder)}
    failures = failures_of(folder)
    for ordinal in sorted({*told, *by_list}):
        done = by_list.get(ordinal, [])
        known = told.get(ordinal) or ItemList(ordinal=ordinal, what="", count=len(done))
        done = [mark for mark in done if mark.number < known.count or ordinal not in told]
        failed = [
            each
            for each in failures
            if each.ordinal == ordinal and (ordinal, each.number) not in marks
        ]
        yield Progress(known, len(done), tuple(_parts(done)), tuple(failed))


def _parts(marks: Sequence[Mark]) -> list[Part]:
    """Return what each host and device did, those that did most first."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for mark in marks:
        seconds.setdefault((mark.worker.host, mark.worker.device), []).append(mark.seconds)
    order = sorted(seconds, key=lambda place: (-len(seconds[place]), place))
    return [Part(*place, len(seconds[place]), sum(seconds[place])) for place in order]


def _marks(folder: Path) -> dict[tuple[int, int], Mark]:
    """Return the marks of finished items, by their list and their place in it."""
    found: dict[tuple[int, int], Mark] = {}
    for path in folder.glob(ENTRIES):
        for mark in _marks_in(path):
            found[mark.ordinal, mark.number] = mark
    return found


def _marks_in(path: Path) -> Iterator[Mark]:
    """Give the marks in one file; what is damaged is passed over."""
    if not path.is_file():  # a pipe may never give a byte
        return
    with suppress(*UNREADABLE), zipfile.ZipFile(path) as file:
        for member in file.infolist():
            if member.filename.endswith(f"/{MARK}.npy") and member.file_size < LONGEST:
                yield from _read(file.read(member))


def _read(content: bytes) -> Iterator[Mark]:
    """Give the mark that the bytes of an array are, if they are one."""
    if content[: len(MAGIC)] == MAGIC:
        start = len(MAGIC) + 2
        start += int.from_bytes(content[len(MAGIC) : start], "little")
        with suppress(UnicodeDecodeError, msgspec.MsgspecError):
            mark = Mark.decoded(content[start:].decode())
            if mark.ordinal >= 0 and mark.number >= 0 and mark.seconds >= 0:
                yield mark
