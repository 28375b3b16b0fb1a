"""A table as data: what a terminal, a page or a test shows of a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Mark = Literal["best", "passed", "failed", "unjudged"]
"""What is said of a cell: the best of those it is compared with, or what became of a gate."""


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
        marks: what is said of cells, by row and column from 0; their texts say it too.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    keys: int = 1
    marks: Mapping[tuple[int, int], Mark] = field(default_factory=dict)
