"""Tables as CSV and LaTeX."""

from __future__ import annotations

import csv
import re
from io import StringIO
from typing import TYPE_CHECKING

from lmctool.report import markdown
from lmctool.report.blocks import NUMBER, columns_of
from lmctool.report.terminal import printable
from lmctool.report.tex import tex_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmctool.results.table import Table

FORMULA = "=+-@"
"""How a cell begins that a spreadsheet takes for a formula, unless it is a number."""
EXPONENT = re.compile(r"([-+]?[\d.]+)[eE]\+?(-?)0*(\d+)")


def csv_text(table: Table) -> str:
    """Return a table as CSV: its heads, then its rows.

    Text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([_inert(cell) for cell in row] for row in (table.columns, *table.rows))
    return file.getvalue()


def latex_text(table: Table) -> str:
    """Return a table as a ``tabular`` with rules of booktabs, title and notes as comments."""
    lines = [f"% {printable(text)}" for text in (table.title, *table.notes) if text]
    if table.columns:
        right = [all(map(NUMBER.fullmatch, column[1:])) for column in columns_of(table)]
        lines += [
            r"% \usepackage{booktabs}",
            rf"\begin{{tabular}}{{{''.join('r' if each else 'l' for each in right)}}}",
            r"\toprule",
            _row([tex_text(printable(head)) for head in table.columns]),
            r"\midrule",
            *(_row([_tex_cell(cell) for cell in row]) for row in table.rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    return "\n".join(lines) + "\n"


FORMS: Mapping[str, Callable[[Table], str]] = {
    "csv": csv_text,
    "latex": latex_text,
    "markdown": markdown.table,
}
"""How a table is written, by form."""


def exported(form: str, shown: Table, exact: Table) -> str:
    """Return the text of a table's file.

    Args:
        form: ``csv``, ``latex`` or ``markdown``.
        shown: the table as people read it.
        exact: the same with all digits, for programs.
    """
    return FORMS[form](exact if form == "csv" else shown)


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _inert(cell: str) -> str:
    text = printable(cell)
    return f"'{text}" if text[:1] in FORMULA and not NUMBER.fullmatch(text) and text else text


def _tex_cell(cell: str) -> str:
    """Return a cell as TeX shows it, a number with a minus and an exponent as in formulas."""
    text = tex_text(printable(cell))
    if not NUMBER.fullmatch(cell) or cell == "-":
        return text
    if exponent := EXPONENT.fullmatch(cell):
        factor, sign, power = exponent.groups()
        return rf"${factor} \times 10^{{{sign}{power}}}$"
    return f"$-${text[1:]}" if text.startswith("-") else text
