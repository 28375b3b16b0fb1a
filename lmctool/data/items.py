"""Examples that somebody's code gives one by one: taken at their word, and checked."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.array_like import as_array, is_array, is_image
from lmctool.data.example_parts import parts_of
from lmctool.data.given import END
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray
    from PIL.Image import Image

    from lmctool.data.given import Given

PIECE = 64
"""How many examples are read at once."""
LOOKED_AT = 32
"""How many are read a second time, where not all are."""


@dataclass(frozen=True, slots=True)
class Item:
    """One example.

    Attributes:
        input: an array of its own, or an image of any size.
        target: an array; None where tokens alone are given.
        mask: which of its tokens are some; None for all.
        target_name: what the target goes by.
    """

    input: NDArray[Any] | Image
    target: NDArray[Any] | None
    mask: NDArray[Any] | None
    target_name: str

    @property
    def form(self) -> tuple[str, str]:
        """Of which kinds and shapes input and target are, in words."""
        return _form(self.input), "nothing" if self.target is None else _form(self.target)

    @property
    def is_tokens(self) -> bool:
        """Whether it is a sequence of token ids with a target at each position."""
        if not isinstance(self.input, np.ndarray):
            return False
        return are_tokens(self.input[None], None if self.target is None else self.target[None])

    @property
    def digest(self) -> int:
        """What tells its values from others; never 0."""
        digest = blake2b(digest_size=8)
        for part in (self.input, self.target):
            if isinstance(part, np.ndarray):
                digest.update(part.tobytes())
            elif part is not None:
                digest.update(f"{part.mode} {part.size} ".encode() + part.tobytes())
        return int.from_bytes(digest.digest(), "big") or 1


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
                    item = _item(raw, what)
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
                raise LmctoolError(f"{what} has as its {part} {is_now}, but the first one {was}")
        if isinstance(item.input, np.ndarray) and item.input.dtype.kind == "f":
            bad = item.input.size - int(np.isfinite(item.input).sum())
            if bad:
                raise LmctoolError(f"{what} has inputs that are NaN or infinite, {bad} of them")
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


def same_target(stored: NDArray[Any], given: NDArray[Any] | None) -> bool:
    """Tell whether an example's own target is the one that is stored beside the examples."""
    return given is not None and np.array_equal(stored, given)


def are_tokens(inputs: Any, targets: NDArray[Any] | None) -> bool:
    """Tell whether inputs are sequences of token ids: of whole numbers, targets of their shape."""
    if inputs.dtype.kind not in "iu" or len(inputs.shape) != 2:
        return False
    return targets is None or (targets.dtype.kind in "iu" and targets.shape == inputs.shape)


def check_mask(mask: NDArray[Any] | None, what: str) -> None:
    """Refuse padding in sequences that are classified whole."""
    if mask is not None and not (mask == 1).all():
        raise LmctoolError(
            f"{what} has a mask that hides tokens; the models take no mask, so sequences must be"
            " without padding"
        )


def _item(raw: object, what: str) -> Item:
    """Return an example with arrays of its own, which its code cannot write into later."""
    parts = parts_of(raw, what)
    value = parts.input
    if isinstance(value, list | tuple) and any(is_array(part) or is_image(part) for part in value):
        raise LmctoolError(f"{what} has {len(value)} inputs, and one is what can be measured")
    own: Any = value if is_image(value) else as_array(value, f"the input of {what}").copy()
    target = None if parts.target is None else _target(parts.target, f"the target of {what}")
    mask = None if parts.mask is None else as_array(parts.mask, f"the mask of {what}").copy()
    return Item(own, target, mask, parts.target_name)


def _target(value: object, what: str) -> NDArray[Any]:
    """Return a target, whole numbers as int64; an image is a mask of its pixels' classes."""
    array = np.array(value) if is_image(value) else as_array(value, what)
    return array.astype(np.int64) if array.dtype.kind in "iub" else array.copy()


def _form(part: NDArray[Any] | Image) -> str:
    if not isinstance(part, np.ndarray):
        return "an image"
    if part.dtype.kind == "U":
        return "text"
    return f"one {part.dtype}" if part.ndim == 0 else f"{part.dtype} of shape {part.shape}"
