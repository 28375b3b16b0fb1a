"""The arrays of a split: its inputs, their targets, and the mask of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool_plugins.datasets.arrays.names import TOKENS, only, read_name

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from lmctool.api.advanced import StoredArray
    from lmctool_plugins.datasets.arrays.names import Claims


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
    def holds_tokens(self) -> bool:
        """Whether x is token ids: whole numbers with two axes, and y, if any, of their shape."""
        if not _whole(self.x) or len(self.x.shape) != 2:
            return False
        return self.y is None or (_whole(self.y) and self.y.shape == self.x.shape)


def parts(
    stored: Mapping[str, StoredArray], found: Claims, named: Container[str]
) -> dict[str, Part]:
    """Return the arrays of each split that has inputs and targets, by split.

    Args:
        stored: the arrays by name.
        found: the names that could be each part of a split.
        named: the parts that the user names.

    Raises:
        LmctoolError: several arrays could be one part.
    """
    by_split: dict[str, Part] = {}
    for split, names in found.items():
        chosen = {role: only(role, split, choices) for role, choices in names.items()}
        if "x" not in chosen:
            continue
        y, mask = (stored[chosen[role]] if role in chosen else None for role in ("y", "mask"))
        part = Part(stored[chosen["x"]], y, mask)
        said = read_name(chosen["x"])
        may_be_ids = "x" in named or (said is not None and said[1] in TOKENS)
        if y is not None or (may_be_ids and part.holds_tokens):
            by_split[split] = part
    return by_split


def _whole(stored: StoredArray) -> bool:
    return stored.dtype.lstrip("<>").startswith(("i", "u"))
