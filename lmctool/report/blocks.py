"""A table as blocks that fit a line, in each of them the columns that name a row.

No number is ever cut, however narrow a line is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from lmctool.report.block_widths import GAP, PIECE, arrange, natural, needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.results.table import Table

NUMBER = re.compile(r"[-+]?(\d[\d,_]*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*(%|points)?|[-+]?(nan|inf)|-?")
SPACE = re.compile(r" (?!%|points)")
"""A space that is none before a unit."""
Lines = list[list[str]]
"""Lines of padded cells."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some columns of a table.

    Attributes:
        columns: which columns these are, from 0.
        keys: how many of them name a row.
        widths: how wide each of them is.
        heads: the lines of the heads.
        rows: the lines of each row.
    """

    columns: tuple[int, ...]
    keys: int
    widths: tuple[int, ...]
    heads: Lines
    rows: tuple[Lines, ...]

    @property
    def head(self) -> list[str]:
        """The heads and a rule below them, line by line."""
        rule = ["-" * width for width in self.widths]
        return [joined(cells) for cells in [*self.heads, rule]]

    @property
    def body(self) -> list[str]:
        """The rows, line by line."""
        return [joined(cells) for row in self.rows for cells in row]


def joined(cells: Sequence[str]) -> str:
    """Return padded cells as one line."""
    return (" " * GAP).join(cells).rstrip()


def shortened_rows(table: Table, most: int, where: str) -> Table:
    """Return the first rows of a table, with a note on where the others are.

    Args:
        table: the table.
        most: how many rows.
        where: what shows all of them.
    """
    more = len(table.rows) - most
    if more <= 0:
        return table
    return replace(
        table,
        rows=table.rows[:most],
        notes=(f"{more} more rows: {where}", *table.notes),
        marks={place: mark for place, mark in table.marks.items() if place[0] < most},
    )


def fitted(table: Table, width: int | None) -> Table:
    """Return a table that is too wide with what all its rows have in common in its title.

    Args:
        table: the table.
        width: the cells of a line; None for lines as long as they need be.
    """
    if width is None or not table.rows or needed(natural(columns_of(table))) <= width:
        return table
    differing = [n for n in range(table.keys) if len({row[n] for row in table.rows}) > 1]
    kept = differing or list(range(min(table.keys, 1)))
    common = [
        f"{table.columns[n]} {table.rows[0][n]}".strip() for n in range(table.keys) if n not in kept
    ]
    left = [*kept, *range(table.keys, len(table.columns))]
    return replace(
        table,
        title="; ".join(filter(None, [table.title, ", ".join(common)])),
        columns=tuple(table.columns[n] for n in left),
        rows=tuple(tuple(row[n] for n in left) for row in table.rows),
        keys=len(kept),
        marks={(row, left.index(n)): mark for (row, n), mark in table.marks.items() if n in left},
    )


def blocks(table: Table, width: int | None) -> Iterator[Block]:
    """Yield the blocks of a table: one where it fits, else as few lines as name every row.

    Args:
        table: the table.
        width: the cells of a line; None for lines as long as they need be.
    """
    columns = columns_of(table)
    right = [all(NUMBER.fullmatch(cell) for cell in column[1:]) for column in columns]
    widths = natural(columns)
    arranged = [dict(enumerate(widths))]
    if width is not None and needed(widths) > width:
        arranged = arrange(columns, right, table.keys, width)
    for chosen in arranged:
        heads, *rows = (
            _lines([row[n] for n in chosen], [*chosen.values()], [right[n] for n in chosen])
            for row in (table.columns, *table.rows)
        )
        yield Block(tuple(chosen), table.keys, tuple(chosen.values()), heads, tuple(rows))


def columns_of(table: Table) -> list[tuple[str, ...]]:
    """Return the columns of a table, each with its head."""
    return list(zip(table.columns, *table.rows, strict=True))


def folded(text: str, width: int) -> list[str]:
    """Return a text in pieces that fit a width, broken at spaces, else within words.

    >>> folded("0.25 to 0.75", 8), folded("runs/seed-0/last", 12)
    (['0.25 to', '0.75'], ['runs/seed-0/', 'last'])
    """
    from rich.cells import cell_len, chop_cells

    pieces = []
    while cell_len(text) > width:
        piece = chop_cells(text, width)[0]
        ends = [match.end() for match in PIECE.finditer(text) if match.end() <= len(piece)]
        spaces = [found.start() for found in SPACE.finditer(text) if found.start() <= len(piece)]
        cut = max(filter(None, spaces), default=0) or max(ends, default=len(piece))
        pieces.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*pieces, text]


def _lines(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> Lines:
    """Return one row as one line of padded cells, or more where a cell is folded."""
    pieces = [folded(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return [
        [_padded(*each) for each in zip(own, widths, right, strict=True)]
        for own in zip_longest(*pieces, fillvalue="")
    ]


def _padded(cell: str, width: int, right: bool) -> str:
    from rich.cells import cell_len

    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space
