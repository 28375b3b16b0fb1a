"""What is known of the lists of items of a run: how long each is, and which items failed."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from lmctool.spread.records import Message, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmctool.plugin.spreading import Stage

LIST, FAILURE, DRAFT = ".list.json", ".failed.json", ".told-draft"
LONGEST = 1 << 16
"""Bytes of such a file at most; a longer one is none."""
SENTENCE = 2000
"""Letters that are kept of what went wrong."""

Kind = TypeVar("Kind", bound=Message)


class ItemList(Message, frozen=True):
    """One list of items.

    Attributes:
        ordinal: how many lists the run had before it.
        what: what the items are, such as ``pairs``.
        count: how many there are.
        divided: whether each shard computes its share alone.
    """

    ordinal: int
    what: str
    count: int
    divided: bool = False


class Failure(Message, frozen=True):
    """An item that somebody could not compute.

    Attributes:
        ordinal: the list that it is of.
        number: its place there.
        key: what it is called.
        worker: who could not.
        cause: what went wrong, in a sentence.
    """

    ordinal: int
    number: int
    key: str
    worker: Worker
    cause: str


def tell_list(folder: Path, stage: Stage) -> None:
    """Write down that a run has come to a list, unless that is written; no error keeps it back."""
    path = folder / f"{stage.ordinal}{LIST}"
    if not path.exists():
        count = len(stage.keys)
        told = ItemList(ordinal=stage.ordinal, what=stage.what, count=count, divided=stage.divided)
        _write(path, told)


def tell_failure(folder: Path, stage: Stage, number: int, worker: Worker, cause: str) -> None:
    """Write down that an item could not be computed; no error keeps it back.

    Args:
        folder: the folder of finished work.
        stage: the list.
        number: the item's place in it.
        worker: who could not compute it.
        cause: what went wrong, in a sentence.
    """
    told = Failure(
        ordinal=stage.ordinal,
        number=number,
        key=stage.keys[number],
        worker=worker,
        cause=cause[:SENTENCE],
    )
    name = hashlib.sha256(f"{stage.ordinal} {number} {worker.host}".encode()).hexdigest()[:16]
    _write(folder / f"{name}{FAILURE}", told)


def lists_of(folder: Path) -> list[ItemList]:
    """Return the lists that are written down, in their order; damaged files are passed over."""
    found = {each.ordinal: each for each in _read(folder, LIST, ItemList) if each.count > 0}
    return [found[ordinal] for ordinal in sorted(found)]


def failures_of(folder: Path) -> list[Failure]:
    """Return the failures that are written down, in the order of items."""
    return sorted(_read(folder, FAILURE, Failure), key=lambda each: (each.ordinal, each.number))


def remove_told(folder: Path) -> None:
    """Remove all that is written down."""
    for pattern in (f"*{LIST}", f"*{FAILURE}", f"*{DRAFT}"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def _write(path: Path, told: Message) -> None:
    draft = path.with_name(f"{secrets.token_hex(8)}{DRAFT}")
    with suppress(OSError):
        try:
            draft.write_text(told.encoded(), encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _read(folder: Path, suffix: str, kind: type[Kind]) -> Iterator[Kind]:
    for path in folder.glob(f"*{suffix}"):
        with suppress(OSError, UnicodeDecodeError, msgspec.MsgspecError):
            if path.is_file():  # a pipe may never give a byte
                with path.open("rb") as file:
                    yield kind.decoded(file.read(LONGEST).decode())
