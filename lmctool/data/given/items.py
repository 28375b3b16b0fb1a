"""Examples that somebody's code gives one by one: taken at their word, and checked."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.given.access import END
from lmctool.data.given.item import check_mask, in_words, item_of, same_target
from lmctool.data.validation import nonfinite, refuse_nonfinite
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from lmctool.data.given.access import Given
    from lmctool.data.given.item import Item

PIECE = 64
"""How many examples are read at once."""
LOOKED_AT = 32
"""How many are read a second time, where not all are."""


class Items:
    """The examples of one split.

    Every one that is read is checked: like the first in kind, shape and dtype, without NaN, and
    the same as when it was read before.

    Attributes:
        what: what to call the split in an error.
        count: how many there are, None until that is known.
        stored: (example, ...) their targets as the data has them beside its examples, or None.
        in_order: whether they come one after the other, and their end tells how many there are.
    """

    def __init__(
        self,
        given: Given,
        count: int | None,
        what: str,
        running: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        in_order: bool = False,
    ) -> None:
        """Take what gives them, how many there are to be, and what their code runs in."""
        self.what = what
        self.count = count
        self.stored: NDArray[Any] | None = None
        self.in_order = in_order
        self._given = given
        self._running = running
        self._digests = np.zeros(count or 0, dtype=np.uint64)
        self._first: Item | None = None

    @property
    def first(self) -> Item:
        """The first example.

        Raises:
            LmctoolError: there is none, or it is no example.
        """
        if self._first is None and (self.count == 0 or not self.read([0])):
            raise LmctoolError(f"{self.what} has no examples")
        assert self._first is not None
        return self._first

    def pieces(self) -> Iterator[list[Item]]:
        """Read all examples, some at a time, to the end that there is.

        Raises:
            LmctoolError: an example isn't what it should be, or there are more or fewer of them.
        """
        read, whole = 0, True
        while whole and (self.count is None or read <= self.count):
            end = read + PIECE
            if self.count is not None and not self.in_order:
                end = min(end, self.count)
            piece = self.read(range(read, end))
            read, whole = read + len(piece), len(piece) == PIECE
            if piece:
                yield piece
        if self.count is not None and read != self.count:
            told = f"{read} or more" if whole else f"{read}"
            raise LmctoolError(
                f"{self.what} has a length of {self.count}, but gave {told} examples"
            )
        self.count = read

    def look(self) -> list[Item]:
        """Read some examples, as evenly spread as they can be; only the first of those in order."""
        return [self.first] if self.in_order else self.read(spread(self.count or 0))

    def look_again(self) -> None:
        """Read examples once more: some, or all where they come in order."""
        for _ in self.pieces() if self.in_order else self.look():
            pass

    def read(self, places: Sequence[int]) -> list[Item]:
        """Return the examples at rising places; of those in order fewer where they end.

        Raises:
            LmctoolError: its code fails or exits, or an example isn't what it should be.
        """
        items: list[Item] = []
        with self._running():
            given = self._at(places)
            for place in places:
                what = f"example {place} of {self.what}"
                try:
                    raw = next(given, END)
                    if raw is END:
                        break
                    item = item_of(raw, what)
                    digest = item.digest
                except LmctoolError:
                    raise
                except Exception as cause:  # somebody's code
                    reason = f"{type(cause).__name__}: {cause}"
                    raise LmctoolError(f"{what} failed: {reason}") from cause
                self._check(item, place, what)
                self._compare(digest, place, what)
                items.append(item)
        if not self.in_order and len(items) < len(places):
            place = places[len(items)]
            raise LmctoolError(f"{self.what} has a length of {self.count}, but no example {place}")
        return items

    def _at(self, places: Sequence[int]) -> Iterator[object]:
        """Give the examples at places; what names none of them is of all."""
        try:
            yield from self._given.at(places)
        except LmctoolError as error:
            raise LmctoolError(f"{self.what}: {error}") from error

    def _check(self, item: Item, place: int, what: str) -> None:
        """Check an example by the first one, and by its stored target."""
        self._first = first = self._first or item
        for part, is_now, was in zip(("input", "target"), item.form, first.form, strict=True):
            if is_now != was:
                raise LmctoolError(
                    f"{what} has as its {part} {in_words(is_now)}, but the first one"
                    f" {in_words(was)}"
                )
        if isinstance(item.input, np.ndarray):
            refuse_nonfinite(nonfinite(item.input), item.input.size, f"{what} has inputs")
        if not item.is_tokens:
            check_mask(item.mask, what)
        if self.stored is not None and not same_target(self.stored[place], item.target):
            raise LmctoolError(
                f"{what} has the target {item.target}, but its data lists {self.stored[place]}"
            )

    def _compare(self, digest: int, place: int, what: str) -> None:
        """Compare an example with what it was before, or keep what it is."""
        if place >= len(self._digests):
            self._digests = np.resize(self._digests, 2 * place + PIECE)
            self._digests[place:] = 0
        if self._digests[place] not in (0, digest):
            raise LmctoolError(
                f"{what} is another one the second time it is read; turn random augmentation off"
                " for evaluation"
            )
        self._digests[place] = digest


def spread(total: int) -> list[int]:
    """Return some places, the first and the last among them, as even as they can be."""
    places = np.linspace(0, total - 1, min(total, LOOKED_AT)).astype(np.int64)
    return [int(place) for place in places]
