"""A figure in words, for readers who do not see it, and its numbers as tables."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.table import Table
from lmctool.results.text import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.report.figure_data import Heat, Panel, Series

NAMED = 12
"""Series of one panel that the description names."""
MOST_ROWS = 400
"""Rows of one table; longer ones are cut, as the result file has all."""
MOST_CELLS = 20_000
"""Cells of a heat map that become a table."""
WORDS = {
    "line": ("line", "lines"),
    "bars": ("set of bars", "sets of bars"),
    "points": ("set of points", "sets of points"),
    "bound": ("bound of a band", "bounds of bands"),
    "level": ("level", "levels"),
}


def described(shown: Sequence[Panel]) -> list[str]:
    """Return what a figure shows: its axes, what is drawn, and where each is highest.

    There is a sentence for each panel, and one for images without scales.
    """
    panels = [panel for panel in shown if not panel.picture]
    told = [_panel(panel) for panel in panels]
    pictures = [panel.title for panel in shown if panel.picture]
    if pictures:
        names = ", ".join(title for title in pictures if title)
        told.append(f"{_count(len(pictures), 'image')} of weights or data" + _of(names) + ".")
    return told


def tables(shown: Sequence[Panel]) -> list[Table]:
    """Return the numbers that a figure shows, one table or more for each panel."""
    return [_cut(table) for panel in shown for table in _tables(panel)]


def _of(names: str) -> str:
    return f" ({names})" if names else ""


def _count(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


def _panel(panel: Panel) -> str:
    parts = []
    if panel.series:
        along = panel.along or "value"
        against = f" against {panel.across}" if panel.across else ""
        counted = Counter(series.kind for series in panel.series)
        kinds = ", ".join(f"{count} {WORDS[kind][count > 1]}" for kind, count in counted.items())
        parts.append(f"{along}{against}, {kinds}")
        told = [series for series in panel.series if series.kind != "bound" and series.values.size]
        named = [
            _series(series, number if len(told) > 1 else 0) for number, series in enumerate(told, 1)
        ]
        more = len(named) - NAMED
        parts.append("; ".join(named[:NAMED]) + (f"; and {more} more" if more > 0 else ""))
    parts += [_heat(heat, panel) for heat in panel.heats]
    head = f"{panel.title}: " if panel.title else ""
    return head + ("; ".join(part for part in parts if part) or "nothing") + "."


def _series(series: Series, position: int) -> str:
    """Return where a series is highest; ``position`` tells it from others without a name."""
    name = series.label or (f"{WORDS[series.kind][0]} {position}" if position else "")
    if series.kind == "level":
        return f"{name} at {number(float(series.values[0]))}"
    found = _highest(series.values)
    if found is None:
        return f"{name} has no numbers".lstrip()
    highest = f"highest at {series.places[found]} with {number(float(series.values[found]))}"
    return f"{name} is {highest}" if name else highest


def _heat(heat: Heat, panel: Panel) -> str:
    rows, columns = heat.values.shape
    meaning = heat.meaning if heat.meaning != panel.title else "values"
    told = f"heat map of {meaning}, {_count(rows, 'row')} and {_count(columns, 'column')}"
    found = _highest(heat.values.ravel())
    if found is None:
        return told
    row, column = divmod(found, columns)
    at = f"{heat.rows[row]}, {heat.columns[column]}"
    return f"{told}, highest at {at} with {number(float(heat.values[row, column]))}"


def _highest(values: NDArray[np.float64]) -> int | None:
    finite = np.isfinite(values)
    return int(np.where(finite, values, -np.inf).argmax()) if finite.any() else None


def _tables(panel: Panel) -> list[Table]:
    title = panel.title or panel.along
    found = [
        Table(_told(title, panel.along), (panel.across or "", *_heads(held)), _rows(held))
        for held in _together(panel.series)
    ]
    levels = tuple((s.label, number(float(s.values[0]))) for s in panel.series if s.kind == "level")
    if levels:
        found.append(Table(f"{title}: levels", ("", panel.along or "value"), levels))
    for heat in panel.heats:
        if heat.values.size > MOST_CELLS:
            told = f"its {heat.values.size} cells are in the result file"
            found.append(Table(_told(title, heat.meaning), (), (), (told,)))
            continue
        rows = tuple(
            (name, *map(number, map(float, row)))
            for name, row in zip(heat.rows, heat.values, strict=True)
        )
        across = f"{panel.along} \\ {panel.across}".strip(" \\")
        found.append(Table(_told(title, heat.meaning), (across, *heat.columns), rows))
    return found


def _told(title: str, meaning: str) -> str:
    return f"{title}: {meaning}" if meaning and meaning != title else title


def _together(series: Sequence[Series]) -> list[list[Series]]:
    """Return the series that are columns of one table: at the same places, bounds by themselves."""
    found: dict[tuple[bool, tuple[str, ...]], list[Series]] = {}
    for each in series:
        if each.kind != "level":
            found.setdefault((each.kind == "bound", each.places), []).append(each)
    return list(found.values())


def _heads(held: Sequence[Series]) -> list[str]:
    unnamed = "value" if len(held) == 1 else ""
    return [series.label or unnamed or f"{series.kind} {n}" for n, series in enumerate(held, 1)]


def _rows(held: Sequence[Series]) -> tuple[tuple[str, ...], ...]:
    columns = [[number(float(value)) for value in series.values] for series in held]
    return tuple(zip(held[0].places, *columns, strict=True))


def _cut(table: Table) -> Table:
    more = len(table.rows) - MOST_ROWS
    if more <= 0:
        return table
    note = f"{more} more rows are in the result file"
    return Table(table.title, table.columns, table.rows[:MOST_ROWS], (*table.notes, note))
