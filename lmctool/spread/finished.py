"""Which items of a run are finished, and by whom: marks in the folder of its finished work."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from lmctool.results.journal import DRAFT
from lmctool.spread.records import Message, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmctool.plugin.spreading import Stage
    from lmctool.results.journal import Entries, Entry, Journal

KIND = "item"
"""The kind of a mark among the entries of a journal."""
MARK = "mark"
"""The name of its array."""


class Mark(Message, frozen=True):
    """An item that is finished.

    Attributes:
        ordinal: the list that it is of.
        number: its place in the list.
        worker: who computed it.
        seconds: how long that took.
    """

    ordinal: int
    number: int
    worker: Worker
    seconds: float


def mark_of(journal: Journal, stage: Stage, number: int) -> Mark | None:
    """Return the mark of an item; None where it is not finished, or nobody can tell."""
    with journal.entries(KIND, stage.ordinal, stage.what) as entries:
        entry = _entry(entries, stage, number)
        if entry.arrays is None or MARK not in entry.arrays:
            return None
        try:
            return Mark.decoded(entry.arrays[MARK].tobytes().decode())
        except (UnicodeDecodeError, msgspec.MsgspecError):
            return None


@contextmanager
def marked(journal: Journal, stage: Stage, number: int, worker: Worker) -> Iterator[None]:
    """Mark an item as finished once what lies within has computed it; all is on disk by then.

    Until then it is known as begun.
    """
    import numpy as np  # here, for what only reads marks of a folder needs none

    begun = time.monotonic()
    place = _place(journal, stage, number)
    with suppress(OSError):
        place.touch()
    try:
        yield
    finally:
        with suppress(OSError):
            place.unlink(missing_ok=True)
    with journal.entries(KIND, stage.ordinal, stage.what) as entries:
        entry = _entry(entries, stage, number)
        mark = Mark(
            ordinal=stage.ordinal,
            number=number,
            worker=worker,
            seconds=time.monotonic() - begun,
        )
        text = np.frombuffer(mark.encoded().encode(), dtype=np.uint8)
        entry.keep(lambda: {MARK: text})


def begun_in_vain(journal: Journal, stage: Stage, number: int) -> bool:
    """Tell whether whoever was at an item is gone, and forget that; nobody is at it any more."""
    place = _place(journal, stage, number)
    there = place.exists()
    with suppress(OSError):
        place.unlink(missing_ok=True)
    return there


def _place(journal: Journal, stage: Stage, number: int) -> Path:
    """Return the file that is there while an item is computed."""
    assert journal.folder is not None
    return journal.folder / f"{stage.ordinal}-{number}{DRAFT}"


def _entry(entries: Entries, stage: Stage, number: int) -> Entry:
    return entries.entry(lambda: [number, _digest(stage.keys)])


@cache
def _digest(keys: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(keys).encode()).hexdigest()
