"""The arrays of a split: its inputs, their targets, and the mask of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool_plugins.datasets.arrays.names import TOKENS, listed, only, read_name

if TYPE_CHECKING:
    from collections.abc import Container

    from lmctool.api.advanced import StoredArray
    from lmctool_plugins.datasets.arrays.files import Source


@dataclass(frozen=True, slots=True)
class Part:
    """The arrays of one split.

    Attributes:
        x: the inputs.
        y: the targets, or None.
        mask: 1 for a token and 0 for padding, or None.
    """

    x: StoredArray
    y: StoredArray | None
    mask: StoredArray | None

    @property
    def may_be_tokens(self) -> bool:
        """Whether x could be token ids: whole numbers with two axes."""
        return _whole(self.x) and len(self.x.shape) == 2

    @property
    def holds_tokens(self) -> bool:
        """Whether x is token ids whose targets are tokens: y is of their shape, or not there."""
        followed = self.y is None or (_whole(self.y) and self.y.shape == self.x.shape)
        return self.may_be_tokens and followed


def parts(source: Source, named: Container[str]) -> dict[str, Part]:
    """Return the arrays of each split that has inputs and targets, by split.

    Args:
        source: the arrays.
        named: the parts that the user names.

    Raises:
        LmctoolError: several arrays could be one part, or there is no split.
    """
    by_split: dict[str, Part] = {}
    stored, place = source.stored, source.place
    for split, names in source.claims.items():
        chosen = {role: only(role, split, each, place) for role, each in names.items()}
        if "x" not in chosen:
            continue
        y, mask = (stored[chosen[role]] if role in chosen else None for role in ("y", "mask"))
        part = Part(stored[chosen["x"]], y, mask)
        said = read_name(chosen["x"], any_split=source.alone)
        may_be_ids = "x" in named or said is None or said[1] in TOKENS
        if y is not None or (may_be_ids and part.holds_tokens):
            by_split[split] = part
    if not by_split:
        raise _without(source, named)
    return by_split


def _without(source: Source, named: Container[str]) -> LmctoolError:
    """Return what is said of arrays that are no data."""
    if source.alone:
        return LmctoolError(
            f"'{source.place}' is one array without its targets: there is no y, labels or the like"
            " beside it; name their file with ?y=FILE"
        )
    held = listed(source.stored)
    if "x" in named:
        return LmctoolError(
            f"'{source.place}' has no array that is known as the targets of its inputs; it holds"
            f" {held}; name them with ?y=NAME"
        )
    return LmctoolError(
        f"'{source.place}' is not data: it has no arrays x and y (nor x_train, y_train, images,"
        f" labels ...), and no token ids x; it holds {held}; if some of them are data, name them"
        " with ?x=NAME&y=NAME"
    )


def _whole(stored: StoredArray) -> bool:
    return stored.dtype.lstrip("<>").startswith(("i", "u"))
