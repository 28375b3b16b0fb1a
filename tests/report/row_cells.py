"""The cells of a printed row, however many lines it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def row_cells(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return the cells of a row without spaces, at which they may be folded."""
    return [unspaced("".join(pieces)) for pieces in zip(*lines, strict=True)]


def unspaced(text: str) -> str:
    """Return a text without spaces."""
    return "".join(text.split())
