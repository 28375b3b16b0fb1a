"""One split as somebody's code gives it: whole arrays, or examples one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lmctool.data.given.array_like import is_image
from lmctool.data.given.item import are_tokens, check_mask, same_target
from lmctool.data.given.item_rows import ItemImages, ItemRows
from lmctool.data.given.items import spread
from lmctool.data.layout import AS_IS, layout_of
from lmctool.data.tokens import token_examples, unshifted
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Examples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.data.given.items import Items

KEPT = 1 << 27
"""Bytes of inputs that are kept while targets are read; where there are more, they are read again
when they are needed."""


class GivenSplit(Protocol):
    """One split.

    Attributes:
        class_names: what its classes are called, if anyone says.
        has_bytes: whether its inputs are arrays of bytes.
        has_masks: whether its targets are images, with the classes of the pixels of others.
        has_tokens: whether they are token ids, with a target at each position.
        is_unshifted: whether these targets are the tokens of their own positions.
        layout: the order of the axes of inputs of bytes, ``as-is`` for all others.
    """

    class_names: tuple[str, ...]
    has_bytes: bool
    has_masks: bool
    has_tokens: bool
    is_unshifted: bool
    layout: str

    def some_targets(self) -> tuple[NDArray[Any], bool]:
        """Return targets that are at hand, (example, ...), and whether they are all."""

    def all_targets(self) -> NDArray[Any]:
        """Return all targets, (example, ...), whatever it takes."""

    def examples(self) -> Examples:
        """Return the examples with targets as they are given."""


class HeldSplit:
    """Arrays that are whole in memory, or rows that a file holds."""

    def __init__(
        self, inputs: Any, targets: NDArray[Any] | None, mask: NDArray[Any] | None, what: str
    ) -> None:
        """Take the arrays, (example, ...), and what to call the split in an error."""
        self.class_names: tuple[str, ...] = ()
        self.has_masks = False
        self.has_bytes = inputs.dtype == np.uint8
        self.has_tokens = are_tokens(inputs, targets)
        if self.has_tokens:
            inputs = inputs[np.arange(len(inputs))]
        self.is_unshifted = self.has_tokens and targets is not None and unshifted(inputs, targets)
        self.layout = _layout(inputs.shape, inputs.dtype)
        self._inputs, self._targets, self._mask = inputs, targets, mask
        self._what = what
        if targets is None and not self.has_tokens:
            raise LmctoolError(f"{what} has no targets, and its inputs are no token ids")

    def some_targets(self) -> tuple[NDArray[Any], bool]:
        """Return all targets."""
        return self.all_targets(), True

    def all_targets(self) -> NDArray[Any]:
        """Return the targets; of tokens without any the tokens themselves."""
        targets: NDArray[Any] = self._inputs if self._targets is None else self._targets
        return targets

    def examples(self) -> Examples:
        """Return the arrays; those of tokens with what follows each."""
        if self.has_tokens:
            return token_examples(self._inputs, self._targets, self._mask, self._what)
        check_mask(self._mask, self._what)
        return self.as_given()

    def as_given(self) -> Examples:
        """Return the arrays as they are."""
        return Examples(self._inputs, self.all_targets())


class ItemSplit:
    """Examples that come one by one."""

    def __init__(
        self, items: Items, stored: NDArray[Any] | None = None, class_names: tuple[str, ...] = ()
    ) -> None:
        """Look at some examples.

        Args:
            items: the examples.
            stored: the targets that are listed beside them, or None; they are used where they are
                those of the examples that are looked at.
            class_names: what its classes are called, if anyone says.

        Raises:
            LmctoolError: there are none, or they are unusable.
        """
        self._items = items
        self._seen = items.look()
        first: Any = items.first
        self.class_names = class_names
        is_array = isinstance(first.input, np.ndarray)
        self.has_bytes = is_array and first.input.dtype == np.uint8
        self.has_masks = is_image(first.target)
        self.has_tokens = first.is_tokens
        ids, following = ([getattr(item, n) for item in self._seen] for n in ("input", "target"))
        self.is_unshifted = (
            self.has_tokens
            and first.target is not None
            and unshifted(np.stack(ids), np.stack(following))
        )
        self.layout = _layout((1, *first.input.shape), first.input.dtype) if is_array else AS_IS
        if first.target is None and not self.has_tokens:
            raise LmctoolError(
                f"{items.what} has examples without a target, which are no token ids"
            )
        if stored is not None and len(stored) == items.count:
            places = spread(len(stored))
            pairs = zip(places, self._seen, strict=True)
            if all(same_target(stored[place], item.target) for place, item in pairs):
                items.stored = stored

    def some_targets(self) -> tuple[NDArray[Any], bool]:
        """Return the targets that are listed, else those of the examples that were looked at."""
        if self._items.stored is not None:
            return self._items.stored, True
        seen: list[Any] = [item.target for item in self._seen]
        return np.stack(seen), False

    def all_targets(self) -> NDArray[Any]:
        """Return the targets that are listed, else those of all examples, which are read."""
        return self._read(0)[1] if self._items.stored is None else self._items.stored

    def examples(self) -> Examples:
        """Return the examples; those that are many, or images, are read when they are asked for."""
        items = self._items
        if self.has_tokens:
            inputs, targets, mask = self._read(None)
            items.look_again()
            return token_examples(inputs, targets, mask, items.what)
        if self.has_masks:
            items.look_again()
            return Examples(ItemImages(items), ItemImages(items, masks=True))
        if items.stored is not None:
            items.look_again()
            return Examples(self._rows(), items.stored)
        inputs, targets, _ = self._read(KEPT)
        if inputs is None:
            return Examples(self._rows(), targets)
        items.look_again()
        return Examples(inputs, targets)

    def _rows(self) -> ItemRows | ItemImages:
        is_array = isinstance(self._items.first.input, np.ndarray)
        return ItemRows(self._items) if is_array else ItemImages(self._items)

    def _read(self, room: int | None) -> tuple[Any, Any, NDArray[Any] | None]:
        """Return inputs, targets and masks of all examples.

        Args:
            room: the most bytes of inputs; where they have more, or are images, there are none.
        """
        inputs, targets, masks = list[Any](), list[Any](), list[Any]()
        fits, size = isinstance(self._items.first.input, np.ndarray), 0
        for piece in self._items.pieces():
            targets += [item.target for item in piece]
            masks += [item.mask for item in piece]
            size += sum(getattr(item.input, "nbytes", 0) for item in piece)
            fits = fits and (room is None or size <= room)
            if fits:
                inputs += [item.input for item in piece]
            else:
                inputs.clear()
        mask = None if masks[0] is None else np.stack(masks)
        known = None if targets[0] is None else np.stack(targets)
        return np.stack(inputs) if fits else None, known, mask


def _layout(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Return the order of axes of inputs of bytes; others are what a model takes."""
    return layout_of(shape, dtype.name) if dtype == np.uint8 else AS_IS
