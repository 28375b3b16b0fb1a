"""One example that somebody's code gives, with arrays of its own."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.data.given.array_like import as_array, is_array, is_image
from lmctool.data.given.example_parts import parts_of
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Form = tuple[np.dtype[Any] | str, tuple[int, ...] | None]
    """A dtype and a shape, or what it is instead."""


@dataclass(frozen=True, slots=True)
class Item:
    """One example.

    Attributes:
        input: an array of its own, or an image of any size.
        target: an array, or an image that is the mask of one; None where tokens alone are given.
        mask: which of its tokens are some; None for all.
        target_name: what the target goes by.
    """

    input: NDArray[Any] | Image
    target: NDArray[Any] | Image | None
    mask: NDArray[Any] | None
    target_name: str

    @property
    def form(self) -> tuple[Form, Form]:
        """Of which kind and shape its input and its target are."""
        return _form(self.input), _form(self.target)

    @property
    def is_tokens(self) -> bool:
        """Whether it is a sequence of token ids with a target at each position."""
        input_, target = self.input, self.target
        if not isinstance(input_, np.ndarray):
            return False
        return are_tokens(input_[None], target[None] if isinstance(target, np.ndarray) else None)

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


def same_target(stored: NDArray[Any], given: NDArray[Any] | Image | None) -> bool:
    """Tell whether an example's own target is the one that is stored beside the examples."""
    return isinstance(given, np.ndarray) and np.array_equal(stored, given)


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


def item_of(raw: object, what: str) -> Item:
    """Return an example with arrays of its own, which its code cannot write into later."""
    parts = parts_of(raw, what)
    value = parts.input
    if isinstance(value, list | tuple) and any(is_array(part) or is_image(part) for part in value):
        raise LmctoolError(f"{what} has {len(value)} inputs, and one is what can be measured")
    own: Any = value if is_image(value) else as_array(value, f"the input of {what}").copy()
    target: Any = parts.target
    if not (target is None or (is_image(target) and is_image(value))):
        target = _target(target, f"the target of {what}")
    mask = None if parts.mask is None else as_array(parts.mask, f"the mask of {what}").copy()
    return Item(own, target, mask, parts.target_name)


def _target(value: object, what: str) -> NDArray[Any]:
    """Return a target, whole numbers as int64; an image is a mask of its pixels' classes."""
    array = np.array(value) if is_image(value) else as_array(value, what)
    return array.astype(np.int64) if array.dtype.kind in "iub" else array.copy()


def in_words(form: Form) -> str:
    """Return what a part of an example is."""
    kind, shape = form
    return f"one {kind}" if shape == () else f"{kind} of shape {shape}" if shape else str(kind)


def _form(part: NDArray[Any] | Image | None) -> Form:
    if not isinstance(part, np.ndarray):
        return ("nothing" if part is None else "an image"), None
    return ("text", None) if part.dtype.kind in "UST" else (part.dtype, part.shape)
