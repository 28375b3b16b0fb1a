"""The curves and the metrics of a result, in sentences."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.report import curve
from lmctool.report.finding import Finding, findings, main_finding
from lmctool.report.notation import Notation, in_words
from lmctool.results.text import joined, titled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lmctool.report.curve import Curve
    from lmctool.results.result import Result

MOST = 8
"""Lines of one curve, and metrics of one result, that are described one by one."""


def headline(result: Result) -> str:
    """Return in one sentence the values of the metric that speaks for a result.

    Raises:
        LmctoolError: two variables give the same metric.
    """
    finding = main_finding(result)
    return sentence(finding) if finding else "No metric of it is a number."


def sentences(result: Result) -> list[str]:
    """Return a sentence for each curve of a result, then one for each metric.

    Raises:
        LmctoolError: two variables give the same metric.
    """
    known = Notation.of(result)
    described = [
        _curve(each, partial(in_words, known.curve(result, each))) for each in curve.find(result)
    ]
    found = list(findings(result).values())
    described += [sentence(each) for each in found[:MOST]]
    more = len(found) - MOST
    return [*described, f"The tables have {more} more metrics."] if more > 0 else described


def sentence(finding: Finding) -> str:
    """Return the values of a metric, or where they are many between which of them they lie."""
    name, values = finding.metric, finding.values
    if finding.lowest.text == finding.highest.text:
        return f"{name} is {values[0].text}{' everywhere' if finding.count > 1 else ''}."
    if finding.count > len(values):
        ends = (f"{end.text} ({end.place})" for end in (finding.lowest, finding.highest))
        return f"{name} lies between {' and '.join(ends)}."
    return f"{name} is {joined([f'{value.text} ({value.place})' for value in values])}."


def _curve(each: Curve, text: Callable[[float], str]) -> str:
    """Return what a curve is of and over, and what each of its lines is at its ends and extremes.

    Of many lines only the lowest and the highest value of all are told.
    """
    over = f"{titled(each.title, each.unit)} over {titled(each.dim, each.names.unit)}"
    constants = f" ({each.constants})" if each.constants else ""
    lines = [line.values for line in each.lines]
    if len(lines) == 1:
        return f"{over}{constants}: {_along(lines[0], each.places, text)}."
    start = f"{over}{constants}, {len(lines)} lines"
    if len(lines) > MOST:
        places = [f"{name} at {place}" for name in each.line_names for place in each.places]
        return f"{start} {_between(np.concatenate(lines), places, text)}."
    described = (
        f"{name}: {_along(line, each.places, text)}"
        for name, line in zip(each.line_names, lines, strict=True)
    )
    return f"{start}. {'; '.join(described)}."


def _along(values: NDArray[np.float64], places: Sequence[str], text: Callable[[float], str]) -> str:
    """Return the values at both ends and the extremes of a line, in the order of their places."""
    finite = np.flatnonzero(np.isfinite(values))
    if not finite.size:
        return "no numbers"
    low, high = _extremes(values)
    if values[low] == values[high]:
        return f"{text(values[low])} throughout"
    marks = {low: " (lowest)", high: " (highest)"}
    rows = sorted({int(finite[0]), low, high, int(finite[-1])})
    return ", ".join(f"{text(values[row])} at {places[row]}{marks.get(row, '')}" for row in rows)


def _between(
    values: NDArray[np.float64], places: Sequence[str], text: Callable[[float], str]
) -> str:
    if not np.isfinite(values).any():
        return "without numbers"
    ends = (f"{text(values[row])} ({places[row]})" for row in _extremes(values))
    return f"between {' and '.join(ends)}"


def _extremes(values: NDArray[np.float64]) -> tuple[int, int]:
    """Return where values, of which one is a number, are lowest and where they are highest."""
    finite = np.where(np.isfinite(values), values, np.nan)
    return int(np.nanargmin(finite)), int(np.nanargmax(finite))
