"""Names that have room in a figure."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from lmctool.report.ends import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 36
"""Letters of the name of a layer or a part in a figure."""


def fitted(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Return names of things of one kind, such as layers; of long ones, what tells them apart.

    Of what all begin or end with, as much stays as there is room for.

    >>> fitted(["encoder.layers.0.attention.weight", "encoder.layers.11.attention.weight"], 16)
    ['…oder.layers.0…', '…oder.layers.11…']

    Args:
        names: all names of the figure.
        longest: how many letters one has at most.
    """
    lengths = [len(name) for name in names]
    if max(lengths, default=0) <= longest:
        return list(names)
    head = _common(names)
    tail = min(_common([name[::-1] for name in names]), min(lengths) - head)
    room = max(longest - 2 - max(lengths) + head + tail, 0)
    start = max(head - room, 0)
    end = tail - min(tail, room - (head - start))
    cut = [("…" if start else "") + name[start : len(name) - end] for name in names]
    return [shortened(name + ("…" if end else ""), longest) for name in cut]


def _common(names: Sequence[str]) -> int:
    """Return with how many letters all names begin alike."""
    return sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, zip(*names, strict=False)))
