"""Examples that somebody's code gives, one by one, in an order of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from lmctool.data.given.example_parts import MASK, parts_of
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

END = object()


class Given(Protocol):
    """Examples, each at its place."""

    def at(self, places: Sequence[int]) -> Iterator[object]:
        """Give the examples at rising places, fewer where there are no more."""


class ByIndex:
    """Examples of what has a length and can be asked for each of them."""

    def __init__(self, indexed: Any, places: Sequence[int] | None = None) -> None:
        """Take what is asked by index, and which of its examples count, in order; None for all."""
        self._indexed = indexed
        self._places = places
        self._many = getattr(indexed, "__getitems__", None)

    def at(self, places: Sequence[int]) -> Iterator[object]:
        """Give the examples at some places; many at once where that can be asked."""
        own = [place if self._places is None else self._places[place] for place in places]
        if not callable(self._many):
            return (self._indexed[place] for place in own)
        items = list(self._many(own))
        if len(items) != len(own):
            raise LmctoolError(f"its __getitems__ gave {len(items)} examples for {len(own)}")
        return iter(items)


class InOrder:
    """Examples that come one after the other; to go back is to begin again."""

    def __init__(self, begin: Callable[[], Iterable[object]]) -> None:
        """Take what begins them."""
        self._begin = begin
        self._rest: Iterator[object] = iter(())
        self._place = -1

    def at(self, places: Sequence[int]) -> Iterator[object]:
        """Give the examples at some places, passing over those between."""
        for place in places:
            if self._place < 0 or place < self._place:
                self._rest, self._place = iter(self._begin()), 0
            while self._place <= place:
                item = next(self._rest, END)
                if item is END:
                    self._place = -1
                    return
                self._place += 1
            yield item


class Collated:
    """Examples as a function makes batches of them."""

    def __init__(self, single: Given, collate: Callable[[list[object]], object], size: int) -> None:
        """Take the examples, the function, and how many it gets at once."""
        self._single = single
        self._collate = collate
        self._size = size

    def at(self, places: Sequence[int]) -> Iterator[object]:
        """Give the examples at some places, a batch at a time."""
        for begin in range(0, len(places), self._size):
            items = list(self._single.at(places[begin : begin + self._size]))
            if items:
                yield from taken_apart(self._collate(items), len(items))


def taken_apart(batch: object, count: int | None = None) -> Iterator[object]:
    """Give the examples of a batch.

    Args:
        batch: a pair of inputs and targets, or a mapping of columns.
        count: how many there must be; None where the inputs tell.

    Raises:
        LmctoolError: it is neither, or has another number of them.
    """
    parts = parts_of(batch, "a batch")
    columns: list[Any] = [each for each in (parts.input, parts.target) if each is not None]
    found = {len(column) for column in columns}
    if len(found) != 1 or (count is not None and found != {count}):
        sizes = " and ".join(map(str, sorted(found)))
        raise LmctoolError(f"a batch of {count} examples came as {sizes}")
    named = {parts.input_name: parts.input, parts.target_name: parts.target, MASK: parts.mask}
    rows: dict[str, Any] = {name: column for name, column in named.items() if column is not None}
    for place in range(found.pop()):
        if isinstance(batch, Mapping):
            yield {name: column[place] for name, column in rows.items()}
        else:
            yield tuple(column[place] for column in columns)
