"""What a page of results shows, before it is HTML: a section for each result."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from lmctool.report import by_analysis, provenance
from lmctool.report.blocks import shortened_rows
from lmctool.report.escaped import escaped
from lmctool.report.figure import FigureError, inline
from lmctool.report.finding import main_finding
from lmctool.report.headings import headings
from lmctool.report.svg import embedded
from lmctool.report.value_tables import tables
from lmctool.report.words import headline, sentences
from lmctool.results.doubt import doubts_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.report.finding import Finding
    from lmctool.results.result import Result
    from lmctool.results.table import Table

MOST_ROWS = 1000
"""Rows of the table of a result."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a page.

    Attributes:
        svg: the figure as an element of HTML, with a sentence for those who do not see it.
        caption: its name.
    """

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """One result on a page.

    Attributes:
        number: its place on the page, from 1.
        analysis: the analysis.
        heading: the analysis and what it measured.
        about: what the analysis is, in a sentence.
        finding: the metric that speaks for it; None where no metric is a number.
        headline: its main finding in a sentence.
        doubts: why some of its numbers can carry no verdict, a sentence each.
        source: where the result is.
        table: the table that a terminal shows.
        picture: its figure, or else why there is none.
        sentences: its curves and its metrics in words.
        values: its curves and its metrics as tables.
        run: the command, its options, and when it ran.
    """

    number: int
    analysis: str
    heading: str
    about: str
    finding: Finding | None
    headline: str
    doubts: tuple[str, ...]
    source: str
    table: Table
    picture: Picture | str
    sentences: tuple[str, ...]
    values: tuple[Table, ...]
    run: Mapping[str, str]

    @property
    def anchor(self) -> str:
        """The id of the section."""
        return f"result-{self.number}"


@dataclass(frozen=True, slots=True)
class Content:
    """What a page shows.

    Attributes:
        sections: the results.
        provenance: the inputs, settings and versions of all of them.
    """

    sections: tuple[Section, ...]
    provenance: tuple[Table, ...]


def content(results: Mapping[Path, Result]) -> Content:
    """Return what a page shows of results.

    Args:
        results: the results, by the file that each is in.

    Raises:
        LmctoolError: one does not hold what its analysis writes.
    """
    safe = {path: escaped(result) for path, result in results.items()}
    titles = headings(safe)
    sections = (
        _section(result, path, number, titles[number - 1])
        for number, (path, result) in enumerate(safe.items(), 1)
    )
    return Content(tuple(sections), tuple(provenance.tables(list(safe.values()))))


def _section(result: Result, path: Path, number: int, heading: str) -> Section:
    return Section(
        number=number,
        analysis=result.analysis,
        heading=heading,
        about=by_analysis.about(result),
        finding=main_finding(result),
        headline=headline(result),
        doubts=tuple(f"{doubt.reason}." for doubt in doubts_of(result)),
        source=str(path),
        table=shortened_rows(
            by_analysis.table(result, path), MOST_ROWS, f"lmctool show {quote(str(path))}"
        ),
        picture=_picture(result, number, heading),
        sentences=tuple(sentences(result)),
        values=tuple(tables(result)),
        run=provenance.run(result),
    )


def _picture(result: Result, number: int, heading: str) -> Picture | str:
    try:
        svg, panels = inline(result, by_analysis.drawer(result))
    except FigureError as error:
        return str(error)
    caption = f"Figure {number}: {heading}"
    description = " ".join([f"Shows {'; '.join(panels)}."] * bool(panels) + [headline(result)])
    return Picture(embedded(svg, f"figure-{number}-", caption, description), caption)
