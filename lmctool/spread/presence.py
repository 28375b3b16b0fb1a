"""Processes that are at work in one folder, as they see one another.

Each has a file there that it touches every few seconds.  One whose file is older than a minute has
ended, by the clock of the file server: it dates all files of the folder, and two machines need not
agree on the time.  On one machine a process that is gone is known to be gone at once.
"""

from __future__ import annotations

import os
import platform
import secrets
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import msgspec

from lmctool.spread.records import Message, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PULSE = 5.0
"""Seconds between two touches of a file."""
STALE = 60.0
"""Seconds after which a process whose file was not touched has ended."""
SUFFIX, DRAFT = ".alive", ".alive-draft"
TOKEN = 16
"""Letters of the word that names a process."""
LONGEST = 1 << 16
"""Bytes of such a file at most; a longer one is none."""

Role = Literal["run", "shard", "worker"]


class Present(Message, frozen=True):
    """A process that is at work in a folder.

    Attributes:
        token: the word that names it there.
        role: a whole ``run``, a ``shard`` of one, or a ``worker`` of a run.
        worker: who it is.
        machine: tells its machine, since it was last started, from all others; empty for unknown.
        begun: when the process began, in the words of its machine; empty for unknown.
        share: which share of the items is its own, such as ``2/4``; empty for none.
        item: what it is at work on; empty for nothing in particular.
    """

    token: str
    role: Role
    worker: Worker
    machine: str = ""
    begun: str = ""
    share: str = ""
    item: str = ""

    @property
    def has_gone(self) -> bool:
        """Whether it was a process of this machine, and is there no more."""
        here = bool(self.machine) and self.machine == machine()
        return here and beginning(self.worker.process) != self.begun


class Presence:
    """This process, as the others that are at work in a folder see it, while it is entered.

    Attributes:
        folder: the folder, which must be there.
    """

    def __init__(self, folder: Path, role: Role, worker: Worker, share: str = "") -> None:
        """Take where it works, and who it is; nothing is written yet."""
        self.folder = folder
        self._present = Present(
            token=secrets.token_hex(TOKEN // 2),
            role=role,
            worker=worker,
            machine=machine(),
            begun=beginning(worker.process),
            share=share,
        )
        self._changed = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._pulse, name="presence", daemon=True)

    @property
    def token(self) -> str:
        """The word that names this process."""
        return self._present.token

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / f"{self.token}{SUFFIX}"

    def __enter__(self) -> Self:
        """Write the file, and touch it from now on.

        Raises:
            OSError: it cannot be written.
        """
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the file."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(OSError):
            self.path.unlink()

    def tell(self, item: str) -> None:
        """Tell what this process is at work on; others see it with the next touch."""
        self._present = msgspec.structs.replace(self._present, item=item)
        self._changed = True

    def names(self, worker: Worker) -> None:
        """Tell more of who this process is, such as its device."""
        self._present = msgspec.structs.replace(self._present, worker=worker)
        self._changed = True

    def now(self) -> float:
        """Return the time by the clock of the file server, which dates this process's file."""
        return self._touched()

    def others(self) -> list[Present]:
        """Return the other processes that are at work in the folder."""
        now = self.now()
        return [each for each in present(self.folder, now) if each.token != self.token]

    def lives(self, token: str) -> bool:
        """Tell whether a process is at work in the folder."""
        path = self.folder / f"{token}{SUFFIX}"
        return token == self.token or _living(path, self.now()) is not None

    def _pulse(self) -> None:
        while not self._ended.wait(PULSE):
            with suppress(OSError):  # the folder may be gone, or the disk full
                if self._changed:
                    self._write()
                else:
                    self._touched()

    def _touched(self) -> float:
        try:
            os.utime(self.path)
            return _dated(self.path)
        except FileNotFoundError:  # somebody cleared the folder
            self._write()
            return _dated(self.path)

    def _write(self) -> None:
        self._changed = False
        draft = self.folder / f"{self.token}{DRAFT}"
        try:
            draft.write_text(self._present.encoded(), encoding="utf-8")
            draft.replace(self.path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise


@contextmanager
def worker_seen(folder: Path, worker: Worker) -> Iterator[Callable[[str], None]]:
    """Let others see a worker of a run while the context is open; no error keeps it back.

    Yields:
        What tells the item that it is at work on.
    """
    presence = Presence(folder, "worker", worker)
    with ExitStack() as seen:
        with suppress(OSError):
            seen.enter_context(presence)
        yield presence.tell


def present(folder: Path, now: float) -> list[Present]:
    """Return the processes that are at work in a folder, in no order.

    Args:
        folder: the folder.
        now: the time, by the clock of the file server.
    """
    found = (_living(path, now) for path in _files(folder))
    return [each for each in found if each is not None]


def now_at(folder: Path) -> float:
    """Return the time by the clock of a folder's file server; by one's own where none can write."""
    draft = folder / f"{secrets.token_hex(TOKEN // 2)}{DRAFT}"
    try:
        draft.touch(exist_ok=False)
        try:
            return _dated(draft)
        finally:
            draft.unlink()
    except OSError:
        return time.time()


def machine() -> str:
    """Return what tells this machine, since it was last started, from all others; empty if unknown.

    Processes of two containers have other numbers, though their machine is the same.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {uuid.getnode()}" if os.name == "posix" else ""


def beginning(process: int) -> str:
    """Return when a process of this machine began; empty where there is none or nobody tells."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _signalled(process)
    state, *fields = text.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]  # the 22nd field of all, in ticks since the start


def _signalled(process: int) -> str:
    """Return whether a process can be signalled, where no file tells more of it."""
    if os.name != "posix" or Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except OSError:  # one of another user
        pass
    return "there"


def _files(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from folder.glob(f"*{SUFFIX}")


def _living(path: Path, now: float) -> Present | None:
    """Return the process that a file is of; None if it has ended, or the file tells of none."""
    try:
        if not path.is_file():  # a pipe may never give a byte
            return None
        with path.open("rb") as file:  # opened, a network's file system asks its server
            touched = os.fstat(file.fileno()).st_mtime
            each = Present.decoded(file.read(LONGEST).decode())
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        return None
    stale = now - touched > STALE
    named = path.name == f"{each.token}{SUFFIX}"
    return None if stale or not named or each.has_gone else each


def _dated(path: Path) -> float:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_mtime
