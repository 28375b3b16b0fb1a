"""Where independent pieces of work are done: here one after the other, or spread over workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from lmctool.plugin.progress import Advance


@dataclass(frozen=True, slots=True)
class Stage:
    """One list of items of a run, each of which can be computed without the others.

    Attributes:
        ordinal: how many such lists the run had before it.
        what: what the items are, such as ``pairs``.
        keys: what each is called.
        divided: whether a share of the items is all that one of several processes computes; else
            whoever is through with its share goes on with what others have not begun.
    """

    ordinal: int
    what: str
    keys: tuple[str, ...]
    divided: bool

    def name(self, number: int) -> str:
        """Return what an item is called in a sentence."""
        return f"{self.keys[number]!r} of {self.what!r}"


class Spreading(ABC):
    """Says which items of a list this process is to compute, and when.

    What lies within an item is computed where the item is.
    """

    def __init__(self, at_once: int = 1) -> None:
        """Begin before the first list.

        Args:
            at_once: how many items of one list are computed at once; the same number in every
                process of a run, however long it lasts, for it decides what the items are.
        """
        self._at_once = at_once
        self._ordinal = 0
        self._within = False

    @property
    def at_once(self) -> int:
        """How many items of a list that begins now are computed at once: within an item, one."""
        return 1 if self._within else self._at_once

    def order(
        self, what: str, keys: Sequence[str], advance: Advance, *, divided: bool = False
    ) -> Generator[int, None, None]:
        """Give the number of each item once; it is to be computed before the next one is taken.

        Whoever stops before the last one closes the generator.

        Args:
            what: what the items are.
            keys: what each is called.
            advance: called as items are finished, wherever they are.
            divided: as ``Stage`` has it.
        """
        if self._within or len(keys) < 2:
            for number in range(len(keys)):
                yield number
                advance(1)
            return
        stage = Stage(self._ordinal, what, tuple(keys), divided)
        self._ordinal += 1
        for number in self.numbers(stage, advance):
            self._within = True
            try:
                yield number
            finally:
                self._within = False

    @abstractmethod
    def numbers(self, stage: Stage, advance: Advance) -> Iterator[int]:
        """Give the number of each item once; when the next one is asked for, it was computed.

        Args:
            stage: the items, two or more.
            advance: called as items are finished, wherever they are.
        """


class Serial(Spreading):
    """Every item is computed here, one after the other."""

    def numbers(self, stage: Stage, advance: Advance) -> Iterator[int]:
        """Give the numbers in order."""
        for number in range(len(stage.keys)):
            yield number
            advance(1)
