"""A table as blocks that fit a line, in each of them the columns that name a row.

No number is ever cut, however narrow a line is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lmctool.results.table import Table

NUMBER = re.compile(r"[-+]?(\d[\d,_]*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*(%|points)?|[-+]?(nan|inf)|-?")
GAP = 2
LEAST_KEY, LEAST_TEXT = 8, 24
"""Cells to which a column that names a row, and another column of text, may be folded."""
RULE, MOST_COUNTED = 2, 100
"""Lines of a block that are none of a row, and rows of it that are looked at to choose widths."""
WORD = re.compile(r"\S+")
PIECE = re.compile(r"[^\s./_,:=+\[\]-]+[./_,:=+\[\]-]?|[./_,:=+\[\]-]")
"""A part of a word, which is broken behind it where it has to be."""

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


def fitted(table: Table, width: int | None) -> Table:
    """Return a table that is too wide with what all its rows have in common in its title.

    Args:
        table: the table.
        width: the cells of a line; None for lines as long as they need be.
    """
    if width is None or not table.rows or needed(_natural(table)) <= width:
        return table
    differing = [n for n in range(table.keys) if len({row[n] for row in table.rows}) > 1]
    kept = differing or list(range(min(table.keys, 1)))
    common = [
        f"{table.columns[n]} {table.rows[0][n]}".strip() for n in range(table.keys) if n not in kept
    ]
    columns = [*kept, *range(table.keys, len(table.columns))]
    return replace(
        table,
        title="; ".join(filter(None, [table.title, ", ".join(common)])),
        columns=tuple(table.columns[n] for n in columns),
        rows=tuple(tuple(row[n] for n in columns) for row in table.rows),
        keys=len(kept),
        marks={
            (row, columns.index(n)): mark for (row, n), mark in table.marks.items() if n in columns
        },
    )


def blocks(table: Table, width: int | None) -> Iterator[Block]:
    """Yield the blocks of a table: one where it fits, else as few lines as name every row.

    Args:
        table: the table.
        width: the cells of a line; None for lines as long as they need be.
    """
    columns = list(zip(table.columns, *table.rows, strict=True))
    right = [_numeric(column) for column in columns]
    widths = _natural(table)
    if width is None or needed(widths) <= width:
        arranged = [dict(enumerate(widths))]
    else:
        least = _least(columns, right, table.keys, width)
        widths = [
            small if number else wide
            for small, number, wide in zip(least, right, widths, strict=True)
        ]
        arranged = _arranged(columns, widths, least, table.keys, width)
    for chosen in arranged:
        head, *rows = (
            _lines([row[n] for n in chosen], list(chosen.values()), [right[n] for n in chosen])
            for row in (table.columns, *table.rows)
        )
        yield Block(tuple(chosen), table.keys, tuple(chosen.values()), head, tuple(rows))


def needed(widths: Sequence[int]) -> int:
    """Return the cells of a line that columns take."""
    return sum(widths) + GAP * (len(widths) - 1)


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
        space = text.rfind(" ", 0, len(piece) + 1)
        cut = space if space > 0 else max(ends, default=len(piece))
        pieces.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*pieces, text]


def _numeric(column: Sequence[str]) -> bool:
    return all(NUMBER.fullmatch(cell) for cell in column[1:])


def _natural(table: Table) -> list[int]:
    """Return how wide each column is by itself."""
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(table.columns, *table.rows, strict=True)]


def _least(
    columns: Sequence[Sequence[str]], right: Sequence[bool], keys: int, width: int
) -> list[int]:
    """Return how narrow each column may be: numbers whole, words too where there is room."""
    from rich.cells import cell_len

    def longest(texts: Iterable[str], pattern: re.Pattern[str]) -> int:
        pieces = (piece for text in texts for piece in pattern.findall(text))
        return max(map(cell_len, pieces), default=0)

    least = []
    for index, (column, number) in enumerate(zip(columns, right, strict=True)):
        if number:
            least.append(max(longest(column[:1], WORD), *map(cell_len, column[1:])))
            continue
        own, few, most = max(map(cell_len, column)), LEAST_TEXT, width - needed([*least[:keys], 0])
        if index < keys:
            few, most = LEAST_KEY, width // (keys + 1)
        least.append(max(min(own, few), min(longest(column, PIECE), most)))
    return least


def _arranged(
    columns: Sequence[Sequence[str]],
    widths: Sequence[int],
    least: Sequence[int],
    keys: int,
    width: int,
) -> list[dict[int, int]]:
    """Return the columns of each block with their widths, in as few lines as possible.

    The narrower the columns that name rows, the fewer the blocks, but the taller their rows.
    """
    from rich.cells import cell_len

    lengths = [[cell_len(cell) for cell in column[:MOST_COUNTED]] for column in columns]

    def cost(way: Sequence[dict[int, int]]) -> tuple[int, int]:
        """Return how much too wide blocks are, and how many lines they take."""
        beyond, lines = 0, 0
        for block in way:
            beyond += max(needed([*block.values()]) - width, 0)
            heights = ([-(-own // block[n]) for own in lengths[n]] for n in block)
            lines += RULE + sum(map(max, zip(*heights, strict=True)))
        return beyond, lines

    ways = [
        _split(widths, least, _shrunk(widths[:keys], least[:keys], total), width)
        for total in range(sum(widths[:keys]), sum(least[:keys]) - 1, -1)
    ]
    return min(ways, key=cost)


def _shrunk(widths: Sequence[int], least: Sequence[int], total: int) -> list[int]:
    """Return the widths of keys that take a total, the widest of them narrowed most."""
    shrunk = list(widths)
    while sum(shrunk) > total:
        widest = max(
            (n for n in range(len(shrunk)) if shrunk[n] > least[n]), key=shrunk.__getitem__
        )
        shrunk[widest] -= 1
    return shrunk


def _split(
    widths: Sequence[int], least: Sequence[int], keys: Sequence[int], width: int
) -> list[dict[int, int]]:
    """Return the columns of each block with their widths, where the keys have these."""
    split = [dict(enumerate(keys))]
    for index in range(len(keys), len(widths)):
        room = width - needed([*split[-1].values(), 0])
        if room < least[index] and len(split[-1]) > len(keys):
            split.append(dict(enumerate(keys)))
            room = width - needed([*keys, 0])
        split[-1][index] = max(min(widths[index], room), least[index])
    return split


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
