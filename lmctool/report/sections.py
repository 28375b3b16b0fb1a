"""What a page of results shows, before it is HTML: a section for each result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.report import by_analysis, provenance
from lmctool.report.escaped import escaped
from lmctool.report.figure import FigureError, inline
from lmctool.report.svg import embedded
from lmctool.report.value_tables import tables
from lmctool.report.words import headline, sentences
from lmctool.results.doubt import doubts_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.results.result import Result
    from lmctool.results.table import Table


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
        anchor: the id of the section.
        heading: the analysis and what it measured.
        lead: what the analysis is, and its main finding, each in a sentence.
        source: where the result is.
        table: the table that a terminal shows.
        picture: its figure, or else why there is none.
        sentences: its curves and its metrics in words.
        values: its curves and its metrics as tables.
        run: the command, when it started and when it finished.
        provenance: inputs, settings and versions.
    """

    anchor: str
    heading: str
    lead: tuple[str, ...]
    source: str
    table: Table
    picture: Picture | str
    sentences: tuple[str, ...]
    values: tuple[Table, ...]
    run: Mapping[str, str]
    provenance: tuple[Table, ...]


def section(result: Result, path: Path, position: int) -> Section:
    """Return what a page shows of the result at ``path``, the ``position``-th on it from 1.

    Raises:
        LmctoolError: it does not hold what its analysis writes.
    """
    safe = escaped(result)
    names = provenance.input_names(safe)
    heading = f"{safe.analysis}: {names}" if names else safe.analysis
    notes = [f"Note: {doubt.reason}." for doubt in doubts_of(safe)]
    return Section(
        anchor=f"result-{position}",
        heading=heading,
        lead=(by_analysis.about(result), headline(safe), *notes),
        source=str(path),
        table=by_analysis.table(safe, path),
        picture=_picture(safe, position, heading),
        sentences=tuple(sentences(safe)),
        values=tuple(tables(safe)),
        run=provenance.run(safe),
        provenance=tuple(provenance.tables(safe)),
    )


def _picture(result: Result, position: int, heading: str) -> Picture | str:
    try:
        svg, panels = inline(result, by_analysis.drawer(result))
    except FigureError as error:
        return str(error)
    caption = f"Figure {position}: {heading}"
    description = " ".join([f"Shows {'; '.join(panels)}."] * bool(panels) + [headline(result)])
    return Picture(embedded(svg, f"figure-{position}-", caption, description), caption)
