"""Tables and verdicts as Markdown, for pages that others show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmctool.report.terminal import printable
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.gates.gate import Verdict

MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&!])")
"""Characters that mean something in Markdown, or in the HTML within it."""


def table(shown: Table) -> str:
    """Return a table, its title before it and its notes behind it; the best values are bold."""
    lines = [
        f"**{plain(shown.title)}**",
        "",
        _row(shown.columns),
        _row(["---"] * len(shown.columns)),
    ]
    for n, row in enumerate(shown.rows):
        strong = ("**" * (shown.marks.get((n, column)) == "best") for column in range(len(row)))
        lines.append(
            _row([f"{sign}{plain(cell)}{sign}" for cell, sign in zip(row, strong, strict=True)])
        )
    for note in shown.notes:
        lines += ["", plain(note)]
    return "\n".join(lines) + "\n"


def verdicts(judged: Sequence[Verdict]) -> str:
    """Return what became of gates, as a table."""
    rows = [(v.word, v.gate.shown, v.source or "this run", v.sentence) for v in judged]
    return table(Table("Gates", ("", "gate", "result", ""), tuple(rows)))


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return MARKS.sub(r"\\\1", printable(text)).replace("\n", " ")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
