"""Tables and lines in the terminal, which may quote files.

No number is ever cut, however narrow the window is.  Nothing steers the terminal, or the CI system
that reads along.
"""

from __future__ import annotations

import json
import re
import sys
from io import StringIO
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from lmctool.results.table import Table

NUMBER = re.compile(r"[-+]?(\d[\d,_]*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*%?|[-+]?(nan|inf)|-?")
STARTS_COMMAND = re.compile(r"^(\s*):(?=:)")
"""How a line begins that is a command to GitHub Actions."""
HOLDS_COMMAND = re.compile(r"#(?=#\w*\[)")
"""What is one anywhere in a line, to it, Azure Pipelines or TeamCity: ``##[``, ``##vso[`` ..."""
GAP = 2
NARROWEST = 12


def render(table: Table, console: Console) -> None:
    """Print a table.

    In a terminal, a table that is too wide is printed in several parts, each with the columns that
    name a row, and long text is folded.  Elsewhere (a pipe, a file) every row is one line.
    Control characters, which could steer the terminal, are shown as escapes.
    """
    from rich.text import Text

    width = console.width if console.is_terminal else None

    def line(text: str, style: str = "", *, wrap: bool = False) -> None:
        shown = Text(text.encode(console.encoding, "replace").decode(console.encoding))
        for piece in shown.wrap(console, width) if wrap and width else [shown]:
            safe = Text(harmless(piece.plain), style)
            console.print(safe, soft_wrap=True, highlight=False)

    if table.title:
        line(printable(table.title), "bold", wrap=True)
    for position, (head, rows) in enumerate(parts(table, width) if table.rows else ()):
        for text in ["", *head] if position else head:
            line(text, "bold")
        for text in rows:
            line(text)
    for note in table.notes:
        line(printable(note), wrap=True)


def as_text(table: Table) -> str:
    """Return a table as ``render`` prints it here, without the colours of a terminal."""
    from rich.console import Console

    file = StringIO()
    terminal = sys.stdout.isatty()
    console = Console(file=file, force_terminal=terminal, force_jupyter=False, color_system=None)
    render(table, console)
    return file.getvalue().rstrip("\n")


def parts(table: Table, width: int | None) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the lines of each part of a table: its head with a rule below, and its rows.

    Args:
        table: the table.
        width: the cells of a line; None for lines as long as they need be.
    """
    from rich.cells import cell_len

    columns = [
        [printable(cell) for cell in column]
        for column in zip(table.columns, *table.rows, strict=True)
    ]
    widths = [max(map(cell_len, column)) for column in columns]
    right = [all(NUMBER.fullmatch(cell) for cell in column[1:]) for column in columns]
    if width is not None:
        widths = _folded(widths, right, width)
    for chosen in _split(widths, width, table.keys):
        yield _part(columns, chosen, widths, right)


def echo(text: object = "", *, err: bool = False) -> None:
    """Print lines that may quote a file.

    Args:
        text: the lines; each is made harmless.
        err: print on stderr.
    """
    click.echo("\n".join(map(harmless, str(text).split("\n"))), err=err)


def echo_json(document: Any) -> None:
    """Print a document as JSON that no CI system takes for a command."""
    text = json.dumps(document, indent=2, allow_nan=False)
    click.echo(HOLDS_COMMAND.sub(r"\\u0023", text))


def harmless(line: str) -> str:
    """Return a line with escapes for what steers a terminal, or the CI system that reads along."""
    return HOLDS_COMMAND.sub(r"\\x23", STARTS_COMMAND.sub(r"\1\\x3a", printable(line)))


def printable(text: str) -> str:
    """Return a text with an escape for every character that is not to be seen."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _folded(widths: Sequence[int], right: Sequence[bool], width: int) -> list[int]:
    """Return the widths of the columns after folding text, but never numbers, to fit a line."""
    if sum(widths) + GAP * (len(widths) - 1) <= width:
        return list(widths)
    first = min(widths[0], max(width // 2, NARROWEST))
    rest = max(width - GAP - first, NARROWEST)
    return [
        wide if number else min(wide, first if index == 0 else rest)
        for index, (wide, number) in enumerate(zip(widths, right, strict=True))
    ]


def _split(widths: Sequence[int], width: int | None, keys: int) -> Iterator[list[int]]:
    """Yield the columns of each part, in all of them the keys, or the first where these take more.

    The keys stand in each part where every other column has room beside them.
    """

    def needed(columns: Sequence[int], more: int) -> int:
        return sum(widths[other] + GAP for other in columns) + more

    if width is not None and needed(range(keys), max(widths[keys:], default=0)) > width:
        keys = 1
    chosen = list(range(keys))
    for index in range(keys, len(widths)):
        if width is not None and needed(chosen, widths[index]) > width and len(chosen) > keys:
            yield chosen
            chosen = list(range(keys))
        chosen.append(index)
    yield chosen


def _part(
    columns: Sequence[Sequence[str]],
    chosen: Sequence[int],
    widths: Sequence[int],
    right: Sequence[bool],
) -> tuple[list[str], list[str]]:
    head, *rows = (
        _row([row[index] for index in chosen], chosen, widths, right)
        for row in zip(*columns, strict=True)
    )
    rule = (" " * GAP).join("-" * widths[index] for index in chosen)
    return [*head, rule], [line for row in rows for line in row]


def _row(
    cells: Sequence[str], chosen: Sequence[int], widths: Sequence[int], right: Sequence[bool]
) -> list[str]:
    """Return one row as one line, or more where a cell is folded."""
    folds = [_fold(cell, widths[index]) for index, cell in zip(chosen, cells, strict=True)]
    return [
        (" " * GAP)
        .join(
            _pad(piece, widths[index], right[index])
            for index, piece in zip(chosen, pieces, strict=True)
        )
        .rstrip()
        for pieces in zip_longest(*folds, fillvalue="")
    ]


def _fold(cell: str, width: int) -> list[str]:
    from rich.cells import cell_len, chop_cells

    return [cell] if cell_len(cell) <= width else chop_cells(cell, width)


def _pad(cell: str, width: int, right: bool) -> str:
    from rich.cells import cell_len

    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space
