"""Which columns of a table stand side by side on a line that is too short for all, and how wide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = 2
LEAST, LEAST_TEXT = 8, 24
"""Cells to which text may be folded, and text that names no row where there is room for more."""
RULE, MOST_COUNTED = 2, 100
"""Lines of a block that are none of a row, and rows of it that are looked at to choose widths."""
WORD = re.compile(r"\S+")
PIECE = re.compile(r"[^\s./_,:+\[\]-]+[./_,:+\[\]-]?|[./_,:+\[\]-]")
"""A part of a word, which is broken behind it where it has to be."""


def natural(columns: Sequence[Sequence[str]]) -> list[int]:
    """Return how wide each column is by itself."""
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in columns]


def needed(widths: Sequence[int]) -> int:
    """Return the cells of a line that columns take."""
    return sum(widths) + GAP * (len(widths) - 1)


def arrange(
    columns: Sequence[Sequence[str]], right: Sequence[bool], keys: int, width: int
) -> list[dict[int, int]]:
    """Return the columns of each block with their widths, in as few lines as possible.

    The narrower the columns that name rows, the fewer the blocks, but the taller their rows.

    Args:
        columns: the texts of each column, its head first.
        right: which columns are numbers alone.
        keys: how many of the first columns name a row.
        width: the cells of a line.

    Returns:
        For each block the columns, from 0, with their widths.
    """
    from rich.cells import cell_len

    whole = natural(columns)
    least = _least(columns, right, keys, width)
    widths = [few if own else most for few, own, most in zip(least, right, whole, strict=True)]
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
    best = min(ways, key=cost)
    for block in best:
        for n in block:  # heads of numbers, which were folded, are not where there is room
            more = whole[n] - block[n]
            if right[n] and needed([*block.values()]) + more <= width:
                block[n] += more
    return best


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
        own = max(map(cell_len, column))
        if index < keys:  # in two lines, where there is room
            few, most = -(-own // 2), width // (keys + 1)
        else:
            few, most = LEAST_TEXT, width - needed([*least[:keys], 0])
        wanted = max(few, longest(column, PIECE))
        least.append(min(own, max(LEAST, min(wanted, most))))
    return least


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
