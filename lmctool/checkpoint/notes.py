"""What is said of checkpoints once they are open: what was passed over, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lmctool.checkpoint.checkpoint import Checkpoint

SHOWN = 8
"""Names that a note lists at most."""
LEFT_OUT = "left out of {}: {}"
REMARK = "{}: {}"


def notes_on(checkpoints: Iterable[Checkpoint]) -> Iterator[str]:
    """Yield the sentences on checkpoints; files of which the same is said share one."""
    said: dict[tuple[str, str], list[Path]] = {}
    for checkpoint in checkpoints:
        yield from checkpoint.notes
        about = [(REMARK, remark) for remark in checkpoint.remarks]
        if checkpoint.left_out:
            about.insert(0, (LEFT_OUT, listed(checkpoint.left_out)))
        for each in about:
            said.setdefault(each, []).append(checkpoint.path)
    for (form, text), paths in said.items():
        others = f" and {len(paths) - 1} more" * (len(paths) > 1)
        yield form.format(f"'{paths[0]}'{others}", text)


def listed(names: Sequence[str]) -> str:
    """Return the first names in words, and how many more there are.

    >>> listed("abcdefghij")
    'a, b, c, d, e, f, g, h and 2 more'
    """
    more = f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    return ", ".join(names[:SHOWN]) + more
