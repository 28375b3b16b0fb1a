"""Names that have room in a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 24
"""Letters of a name in a figure."""


def shortened(name: str, longest: int = LONGEST) -> str:
    """Return a name that has room in a figure: of a longer one its end, where names differ most.

    >>> shortened("runs/resnet20/seed-0/last", 12)
    '…seed-0/last'
    """
    return name if len(name) <= longest else f"…{name[1 - longest :]}"


def all_shortened(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Return names that have room in a figure, and differ wherever the whole ones do.

    Of long names the end is kept, or else the beginning, or both, whichever tells all of them
    apart; where none does, more letters are.

    >>> all_shortened(["model.layers.0.attention.dense", "model.layers.1.attention.dense"], 16)
    ['model.layers.0.…', 'model.layers.1.…']
    """
    for length in range(longest, max(map(len, names), default=0)):
        for cut in (shortened, _beginning, _both):
            found = [cut(name, length) for name in names]
            if len({*found}) == len({*names}):
                return found
    return list(names)


def _beginning(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _both(name: str, longest: int) -> str:
    half = longest // 2
    return name if len(name) <= longest else f"{name[: longest - half - 1]}…{name[-half:]}"
