"""What a campaign found, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.attack.campaign import Trial


def table(trials: Iterable[Trial]) -> str:
    """Return a Markdown table: how many attacks of each area were tried, and held."""
    counts: dict[str, list[int]] = {}
    for each in trials:
        row = counts.setdefault(each.area, [0, 0])
        row[0] += 1
        row[1] += not each.broken
    counts["all"] = [sum(row[k] for row in counts.values()) for k in range(2)]
    rows = "".join(f"| {area} | {tried:,} | {held:,} |\n" for area, (tried, held) in counts.items())
    return f"| area | tried | held |\n| --- | ---: | ---: |\n{rows}"
