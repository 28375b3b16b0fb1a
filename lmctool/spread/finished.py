"""Which items of a run are finished, and by whom: marks in the folder of its finished work."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lmctool.spread.records import Message, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.plugin.spreading import Stage
    from lmctool.results.journal import Entry, Journal

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
        entry = entries.entry(lambda: [number, *stage.keys])
        if entry.arrays is None or MARK not in entry.arrays:
            return None
        try:
            return Mark.decoded(entry.arrays[MARK].tobytes().decode())
        except (UnicodeDecodeError, msgspec.MsgspecError):
            return None


@contextmanager
def marked(journal: Journal, stage: Stage, number: int, worker: Worker) -> Iterator[None]:
    """Mark an item as finished once what lies within has computed it; all is on disk by then."""
    begun = time.monotonic()
    yield
    with journal.entries(KIND, stage.ordinal, stage.what) as entries:
        entry: Entry = entries.entry(lambda: [number, *stage.keys])
        mark = Mark(
            ordinal=stage.ordinal,
            number=number,
            worker=worker,
            seconds=time.monotonic() - begun,
        )
        text = np.frombuffer(mark.encoded().encode(), dtype=np.uint8)
        entry.keep(lambda: {MARK: text})
