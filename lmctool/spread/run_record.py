"""The record of whose work a folder has, and what all who take part in it do alike."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from lmctool.plugin.settings import Repetition  # noqa: TC001 - msgspec reads the annotation
from lmctool.spread.records import Message

if TYPE_CHECKING:
    from pathlib import Path

RUN, DRAFT = "run.json", ".run-draft"
LONGEST = 1 << 26
"""Bytes of a record at most."""
MOST = 1 << 31
"""Threads, and examples at once, at most."""


class RunRecord(Message, frozen=True):
    """Whose work a folder has.

    Attributes:
        identity: what the numbers of the run depend on, by name.
        probe: the losses of the first network on the first examples, to the bit.
        command: the command line of the whole run.
        threads: of torch, in all processes that take part; None where that is not recorded.
        evaluation: how all of them evaluate networks; None where each chooses alike.
        spread: whether it was begun by several processes.
        shared: whether shards take part.
    """

    identity: dict[str, str]
    probe: list[str]
    command: str = ""
    threads: int | None = None
    evaluation: Repetition | None = None
    spread: bool = False
    shared: bool = False


def record_of(folder: Path) -> RunRecord | None:
    """Return the record of a folder; None where there is none.

    Raises:
        ValueError: it cannot be read.
    """
    path = folder / RUN
    if not path.exists():
        return None
    if not path.is_file():  # a pipe may never give a byte
        raise ValueError(f"{RUN} is no regular file")
    try:
        with path.open("rb") as file:
            record = RunRecord.decoded(file.read(LONGEST).decode())
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as cause:
        raise ValueError(str(cause)) from cause
    sizes = [] if record.threads is None else [record.threads]
    sizes += [] if record.evaluation is None else [record.evaluation.batch_size]
    if not all(1 <= size <= MOST for size in sizes):
        raise ValueError("it was changed: no run has such numbers of threads and examples")
    return record


def write_record(folder: Path, record: RunRecord) -> None:
    """Write the record of a folder, in the place of one that is there.

    Raises:
        OSError: it cannot be written.
    """
    draft = folder / f"{secrets.token_hex(8)}{DRAFT}"
    try:
        text = msgspec.json.format(record.encoded(), indent=1)
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / RUN)
    finally:
        draft.unlink(missing_ok=True)


def remove_record(folder: Path) -> None:
    """Remove the record of a folder, and what killed processes left of it."""
    for path in (folder / RUN, *folder.glob(f"*{DRAFT}")):
        path.unlink(missing_ok=True)
