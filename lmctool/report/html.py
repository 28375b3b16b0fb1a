"""A page of results and verdicts as one HTML file that needs nothing else.

Its template escapes every text: names come from untrusted files.  Only the figures, which are our
own SVG, go in as they are.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.report.blocks import NUMBER
from lmctool.report.terminal import printable
from lmctool.results.text import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from lmctool.gates.gate import Verdict
    from lmctool.report.sections import Content, Section
    from lmctool.results.table import Table

TEMPLATE, FRAGMENT = "report.html.j2", "notebook.html.j2"
MOST_OPEN, MOST_ROWS = 30, 200
"""Rows of a table of values, and of the main table of a result; one with more is folded."""
MOST_AT_A_GLANCE = 4
"""Results that need no list of contents, and analyses that a title names."""
SHORT = 36
"""Letters of a text that stands on one line of a table however narrow the window is."""
SHARE = re.compile(r"(?<=\d) %")
"""What stands before the sign of a share, where no line may end."""
SIGNS = {"passed": "\N{CHECK MARK}", "failed": "\N{BALLOT X}", "unjudged": "?"}
"""What stands before the word of a verdict, so that it needs no colour."""


@dataclass(frozen=True, slots=True)
class Image:
    """A figure of a part of a page.

    Attributes:
        png: the file.
        width: its width on the page, in pixels.
        description: what it shows, for those who do not see it.
    """

    png: bytes
    width: int
    description: str

    @property
    def base64(self) -> str:
        """The file as text."""
        return b64encode(self.png).decode()


def page(content: Content, verdicts: Sequence[Verdict] = ()) -> str:
    """Return a page with a section for each result, and what became of gates on them.

    The same results give the same page.
    """
    sections = content.sections
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            title=_title(sections),
            sections=sections,
            by_source={section.source: section for section in sections},
            provenance=content.provenance,
            verdicts=verdicts,
            signs=SIGNS,
            most_open=MOST_OPEN,
            most_rows=MOST_ROWS,
            intervals=any(
                value.interval for each in sections if each.finding for value in each.finding.values
            ),
            many=len(sections) > MOST_AT_A_GLANCE,
        )
    )


def fragment(
    tables: Sequence[Table], remarks: Sequence[str] = (), image: Image | str | None = None
) -> str:
    """Return tables and a figure as a part of a page, such as what a notebook shows.

    It has no colours but those of the page, and the figure is on white.

    Args:
        tables: the tables.
        remarks: sentences below them.
        image: the figure, or why there is none; None where nobody wants one.
    """
    template = _environment().get_template(FRAGMENT)
    return template.render(tables=tables, remarks=remarks, image=image, most_rows=MOST_ROWS)


def _environment() -> Environment:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lmctool", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kinds"] = kinds
    environment.filters["figure"] = Markup
    return environment


def kinds(table: Table) -> list[str]:
    """Return for each column whether it holds numbers alone, or texts that stand on one line.

    >>> from lmctool.results.table import Table
    >>> kinds(Table("", ("layer", "share", "why"), (("conv1", "30.07 %", "a sentence " * 9),)))
    ['short', 'number', '']
    """
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    return [_kind(column) for column in columns]


def _kind(cells: Sequence[str]) -> str:
    if all(NUMBER.fullmatch(cell) for cell in cells):
        return "number"
    return "short" if all(len(cell) <= SHORT for cell in cells) else ""


def _title(sections: Sequence[Section]) -> str:
    if len(sections) == 1:
        return sections[0].heading
    analyses = list(dict.fromkeys(section.analysis for section in sections))
    if len(analyses) > MOST_AT_A_GLANCE:
        return f"{len(sections)} results of {len(analyses)} analyses"
    return f"{len(sections)} results of {joined(analyses)}"


def _printable(value: Any) -> Any:
    """Return a text without the characters that HTML has no place for; markup as it is.

    No line ends between a number and its sign of per cent.
    """
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return SHARE.sub("\N{NO-BREAK SPACE}%", printable(value))
    return value
