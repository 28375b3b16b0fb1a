"""A table as data: what a terminal, a page or a test shows of a result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under column heads, with notes below.

    Attributes:
        title: what stands above it.
        columns: the heads.
        rows: a text for each column.
        notes: what stands below it.
        keys: how many of the first columns say what a row is of; a terminal that is too narrow for
            a table repeats them.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    keys: int = 1
