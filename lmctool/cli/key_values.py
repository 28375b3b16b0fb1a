"""Pairs of a name and a text, as lines of two columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.report.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


def aligned(pairs: Sequence[tuple[str, str]]) -> str:
    """Return one line per pair; control characters, which a file may hold, become escapes."""
    shown = [(printable(key), printable(value)) for key, value in pairs]
    width = max((len(key) for key, _ in shown), default=0)
    return "\n".join(f"{key:<{width}}  {value}" for key, value in shown)
