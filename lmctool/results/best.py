"""Which of several numbers is the best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmctool.results.result import Better


def best(values: Iterable[float | None], better: Better) -> list[int]:
    """Return the places of the best of several numbers, from 0.

    >>> best([0.3, 0.1, 0.2], "lower"), best([0.3, 0.1, 0.3], "higher")
    ([1], [0, 2])

    Args:
        values: the numbers; what is none is no best.
        better: which way they are better.

    Returns:
        The places; none where neither way is better, or all are the same.
    """
    numbers = {
        place: value
        for place, value in enumerate(values)
        if value is not None and math.isfinite(value)
    }
    if not better or len({*numbers.values()}) < 2:
        return []
    top = (min if better == "lower" else max)(numbers.values())
    return [place for place, value in numbers.items() if value == top]
