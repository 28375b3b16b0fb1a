"""The word that a user may have meant by an unknown one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def meant(word: str, known: Sequence[str]) -> str:
    """Return the question whether the nearest known word was meant; empty if none is near.

    >>> meant("barier", ["align", "barrier"]), meant("x", ["align"])
    ("did you mean 'barrier'? ", '')
    """
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}? " if close else ""
