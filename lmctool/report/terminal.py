"""Tables and lines in the terminal, which may quote files.

No number is ever cut, however narrow the window is.  Nothing steers the terminal, or the CI system
that reads along.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from lmctool.report.block_widths import GAP
from lmctool.report.blocks import blocks, fitted, folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from lmctool.results.table import Table

STARTS_COMMAND = re.compile(r"^(\s*):(?=:)")
"""How a line begins that is a command to GitHub Actions."""
HOLDS_COMMAND = re.compile(r"#(?=#\w*\[)")
"""What is one anywhere in a line, to it, Azure Pipelines or TeamCity: ``##[``, ``##vso[`` ..."""
STYLES: Mapping[str, str] = {
    "best": "bold green",
    "passed": "green",
    "failed": "bold red",
    "error": "bold red",
    "unjudged": "yellow",
    "warning": "yellow",
}
"""How what is said of a cell or a line looks, where a terminal has colours."""


def render(table: Table, console: Console) -> None:
    """Print a table.

    In a terminal, a table that is too wide is printed in several parts, each with the columns that
    name a row, and long text is folded.  Elsewhere (a pipe, a file) every row is one line.
    Control characters, which could steer the terminal, are shown as escapes.
    """
    width = console.width if console.is_terminal else None
    shown = fitted(_printable(table), width)
    _print_folded(shown.title, console, width, "bold")
    for position, block in enumerate(blocks(shown, width) if shown.rows else ()):
        if position:
            print_pieces(console, ("", ""))
        for text in block.head:
            print_pieces(console, (text, "bold"))
        for row, lines in enumerate(block.rows):
            styles = [STYLES.get(shown.marks.get((row, n), ""), "") for n in block.columns]
            for cells in lines:
                gapped = (cell + " " * GAP for cell in cells)
                print_pieces(console, *zip(gapped, styles, strict=True))
    for note in shown.notes:
        _print_folded(note, console, width)


def as_text(table: Table) -> str:
    """Return a table as ``render`` prints it here, without the colours of a terminal."""
    from rich.console import Console

    file = StringIO()
    terminal = sys.stdout.isatty()
    console = Console(file=file, force_terminal=terminal, force_jupyter=False, color_system=None)
    render(table, console)
    return file.getvalue().rstrip("\n")


def echo(text: object = "", *, err: bool = False, said: str = "") -> None:
    """Print lines that may quote a file.

    Args:
        text: the lines; each is made harmless.
        err: print on stderr.
        said: what the first word says, a key of ``STYLES``; it has a colour in a terminal.
    """
    first, *lines = str(text).split("\n")
    if said and (sys.stderr if err else sys.stdout).isatty():
        from rich.console import Console

        word, space, rest = first.partition(" ")
        print_pieces(Console(stderr=err), (word, STYLES[said]), (space + rest, ""))
    else:
        lines = [first, *lines]
    if lines:
        click.echo("\n".join(map(harmless, lines)), err=err)


def print_pieces(console: Console, *pieces: tuple[str, str]) -> None:
    """Print texts, each in its style, as one line in letters that the terminal has.

    A line that would be a command is escaped, and has one style.
    """
    from rich.text import Text

    texts = [
        text.encode(console.encoding, "replace").decode(console.encoding) for text, _ in pieces
    ]
    styles = [style for _, style in pieces]
    whole = "".join(texts)
    safe = harmless(whole)
    shown = (
        Text.assemble(*zip(texts, styles, strict=True)) if safe == whole else Text(safe, styles[0])
    )
    shown.rstrip()
    console.print(shown, soft_wrap=True, highlight=False)


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


def _printable(table: Table) -> Table:
    """Return a table of which all texts can be seen."""
    return replace(
        table,
        title=printable(table.title),
        columns=tuple(map(printable, table.columns)),
        rows=tuple(tuple(map(printable, row)) for row in table.rows),
        notes=tuple(map(printable, table.notes)),
    )


def _print_folded(text: str, console: Console, width: int | None, style: str = "") -> None:
    """Print a text, none where it is empty, in as many lines as it takes."""
    for piece in (folded(text, width) if width else [text]) if text else ():
        print_pieces(console, (piece, style))
