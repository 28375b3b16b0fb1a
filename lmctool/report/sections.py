"""What a page of results shows, before it is HTML: a section for each result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.report import by_analysis, provenance
from lmctool.report.alt_text import described
from lmctool.report.alt_text import tables as plotted
from lmctool.report.escaped import shown
from lmctool.report.figure import inline
from lmctool.report.svg import embedded
from lmctool.results.metrics import listed
from lmctool.results.text import number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result
    from lmctool.results.table import Table

HEADLINES = ("error", "loss")
"""Metrics that speak for a result, the first of them that it has; else its first metric."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a page.

    Attributes:
        svg: the figure as an element of HTML.
        caption: its name.
        told: what each of its panels shows, in words.
        tables: its numbers.
    """

    svg: str
    caption: str
    told: tuple[str, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One result on a page.

    Attributes:
        anchor: the id of the section.
        heading: the analysis and what it measured.
        lead: what the analysis is, and what it found, each in a sentence.
        source: where the result is.
        table: the table that a terminal shows.
        picture: its figure, or else why there is none.
        run: the command, when it started and when it finished.
        provenance: inputs, settings and versions.
    """

    anchor: str
    heading: str
    lead: tuple[str, ...]
    source: str
    table: Table
    picture: Picture | str
    run: Mapping[str, str]
    provenance: tuple[Table, ...]


def section(result: Result, path: Path, position: int) -> Section:
    """Return what a page shows of the result at ``path``, the ``position``-th on it from 1.

    Raises:
        LmctoolError: it does not hold what its analysis writes.
    """
    safe = shown(result)
    names = provenance.input_names(safe)
    heading = f"{safe.analysis}: {names}" if names else safe.analysis
    return Section(
        anchor=f"result-{position}",
        heading=heading,
        lead=(by_analysis.about(result), found(safe)),
        source=str(path),
        table=by_analysis.table(safe, path),
        picture=_picture(safe, path, position, heading),
        run=provenance.run(safe),
        provenance=tuple(provenance.tables(safe)),
    )


def found(result: Result) -> str:
    """Return in one sentence between which values the metric lies that speaks for a result.

    Raises:
        LmctoolError: two variables give the same metric.
    """
    metrics = listed(result)
    names = list(dict.fromkeys(metric.name for metric in metrics))
    wanted = [f"{result.analysis}.{word}" for word in HEADLINES]
    name = next((name for name in wanted if name in names), names[0] if names else "")
    chosen = [metric for metric in metrics if metric.name == name and metric.value is not None]
    if not chosen:
        return "No metric of it is a number."
    low, high = (extreme(chosen, key=lambda metric: metric.value or 0.0) for extreme in (min, max))
    if low.value == high.value:
        return f"{name} is {_value(low)}{_at(low)}."
    return f"{name} goes from {_value(low)}{_at(low)} to {_value(high)}{_at(high)}."


def _value(metric: Metric) -> str:
    return number(metric.value) + ("" if metric.unit == "1" else f" {metric.unit}")


def _at(metric: Metric) -> str:
    places = ", ".join(f"{dim} {value}" for dim, value in metric.where.items())
    return f" ({places})" if places else ""


def _picture(result: Result, path: Path, position: int, heading: str) -> Picture | str:
    draw = by_analysis.drawer(result)
    try:
        with by_analysis.fitting(result, path):
            svg, panels = inline(result, draw)
    except LmctoolError as error:
        if draw is not None:
            raise
        return str(error)
    told, caption = described(panels), f"Figure {position}: {heading}"
    image = embedded(svg, f"figure-{position}-", caption, " ".join(told))
    return Picture(image, caption, tuple(told), tuple(plotted(panels)))
