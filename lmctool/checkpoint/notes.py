"""What is said of checkpoints once they are open: what was passed over, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lmctool.checkpoint.checkpoint import Checkpoint

SHOWN = 8
"""Names that a note lists at most."""


def notes_on(checkpoints: Iterable[Checkpoint]) -> Iterator[str]:
    """Yield the sentences on checkpoints; files that leave out the same things share one."""
    lacking: dict[tuple[str, ...], list[Path]] = {}
    for checkpoint in checkpoints:
        yield from checkpoint.notes
        if checkpoint.left_out:
            lacking.setdefault(checkpoint.left_out, []).append(checkpoint.path)
    for names, paths in lacking.items():
        others = f" and {len(paths) - 1} more" * (len(paths) > 1)
        yield f"left out of '{paths[0]}'{others}: {listed(names)}"


def listed(names: Sequence[str]) -> str:
    """Return the first names in words, and how many more there are.

    >>> listed("abcdefghij")
    'a, b, c, d, e, f, g, h and 2 more'
    """
    more = f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    return ", ".join(names[:SHOWN]) + more
