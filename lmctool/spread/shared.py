"""The items of a run in several processes that nobody leads: each has its share."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, first_line, machine_failure
from lmctool.plugin.spreading import Spreading
from lmctool.spread.finished import mark_of, marked
from lmctool.spread.lists import tell_failure, tell_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.plugin.progress import Advance
    from lmctool.plugin.spreading import Stage
    from lmctool.results.journal import Journal
    from lmctool.spread.claims import Claims
    from lmctool.spread.presence import Presence
    from lmctool.spread.records import Worker
    from lmctool.spread.share import Share

SOON, LATE = 0.1, 2.0
"""Seconds between two looks at what others have finished, at first and after a while."""


class ShareDone(KeyboardInterrupt):
    """The share of this process is computed, and what comes then needs the others' shares.

    Attributes:
        stage: the list that is not whole.
        left: how many of its items are not finished.
    """

    def __init__(self, stage: Stage, left: int) -> None:
        """Take the list, and how many of its items are not finished."""
        super().__init__()
        self.stage, self.left = stage, left


class Shared(Spreading):
    """Computes the items of its share, and reads those of others.

    Of a list that is not divided by shares it computes what others have not begun as well, and
    waits for what they are at work on; what a process had that was killed counts as not begun.

    Attributes:
        worker: who computes; it can be told more exactly once the run is open.
        computed: how many items were computed here.
    """

    def __init__(
        self, journal: Journal, presence: Presence, claims: Claims, share: Share, worker: Worker
    ) -> None:
        """Take where finished work is, how others see this process, and what its share is."""
        super().__init__(share.count)
        self._journal, self._presence, self._claims = journal, presence, claims
        self._share = share
        self.worker = worker
        self.computed = 0
        self._at: tuple[Stage, int] | None = None
        self._finished: set[tuple[int, int]] = set()

    def numbers(self, stage: Stage, advance: Advance) -> Iterator[int]:
        """Give each number once: first those that are computed here, then those to be read.

        Raises:
            ShareDone: the share of this process is done, and that of another is not.
        """
        tell_list(self._presence.folder, stage)
        every = range(len(stage.keys))
        mine = [number for number in every if self._share.has(number)]
        others = [number for number in every if not self._share.has(number)]
        given: set[int] = set()
        for number in self._computed(stage, mine if stage.divided else [*mine, *others]):
            yield number
            given.add(number)
            advance(1)
        self._journal.look_again()
        left = [number for number in every if number not in given]
        unfinished = [number for number in left if not self._is_finished(stage, number)]
        if unfinished:
            raise ShareDone(stage, len(unfinished))
        for number in left:
            yield number
            advance(1)

    def failed(self, error: Exception) -> None:
        """Write down which item failed, if one was being computed."""
        if self._at is not None:
            cause = machine_failure(error) or first_line(error)
            tell_failure(self._presence.folder, *self._at, self.worker, cause)

    def _computed(self, stage: Stage, wanted: Sequence[int]) -> Iterator[int]:
        """Give the numbers that are computed here, until all that are wanted are finished.

        What another process has is waited for; that may be this shard, before it was killed.

        Raises:
            LmctoolError: what is computed cannot be kept.
        """
        pause = SOON
        while True:
            self._journal.look_again()
            wanted = [n for n in wanted if not self._is_finished(stage, n)]
            for number in wanted:
                with self._claims.held(_name(stage, number)) as mine:
                    if not mine:
                        continue
                    self._journal.look_again()  # it may have been finished since
                    if self._is_finished(stage, number):
                        continue
                    self._at = stage, number
                    self._presence.tell(stage.name(number))
                    with marked(self._journal, stage, number, self.worker):
                        yield number
                    self._at = None
                    self._check_kept(stage, number)
                    self.computed += 1
                    pause = SOON
            wanted = [n for n in wanted if not self._is_finished(stage, n)]
            self._presence.tell("")
            if not wanted:
                return
            self._presence.tell(f"waiting for {stage.what!r} of others")
            time.sleep(pause)
            pause = min(2 * pause, LATE)

    def _is_finished(self, stage: Stage, number: int) -> bool:
        """Tell whether an item is marked as finished; what once was so stays so."""
        item = stage.ordinal, number
        if item not in self._finished and mark_of(self._journal, stage, number) is not None:
            self._finished.add(item)
        return item in self._finished

    def _check_kept(self, stage: Stage, number: int) -> None:
        """Check that an item that was computed is in the folder: else nobody would get it.

        Raises:
            LmctoolError: it is not.
        """
        if not self._is_finished(stage, number):
            raise LmctoolError(
                f"what a shard computes cannot be kept in folder '{self._presence.folder}'; see"
                " that it can be written and has room"
            )


def _name(stage: Stage, number: int) -> str:
    """Return the name of the claim of an item."""
    text = f"{stage.ordinal} {number} {stage.what}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
