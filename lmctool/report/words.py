"""The curves and the metrics of a result, in sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from lmctool.report import curve
from lmctool.report.notation import Notation
from lmctool.results.aggregate.aggregate import averaged_analysis
from lmctool.results.metrics import listed
from lmctool.results.text import titled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lmctool.report.curve import Curve
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result

HEADLINES = ("error", "loss")
"""Metrics that speak for a result, the first of them that it has; else its first metric."""
BOUND = re.compile(r".+\.(lower|upper)\d*")
"""Metrics that are a bound of another metric, which are in the tables alone."""
MOST = 8
"""Lines of one curve, and metrics of one result, that are described one by one."""


def headline(result: Result) -> str:
    """Return in one sentence between which values the metric lies that speaks for a result.

    Raises:
        LmctoolError: two variables give the same metric.
    """
    by_name, known = _by_name(result), Notation.of(result)
    of = averaged_analysis(result)
    wanted = [f"{of}.{word}.mean" if of else f"{result.analysis}.{word}" for word in HEADLINES]
    for name in [*wanted, *by_name]:
        if name in by_name:
            return _range(by_name[name], known.metric(name))
    return "No metric of it is a number."


def sentences(result: Result) -> list[str]:
    """Return a sentence for each curve of a result, then one for each metric.

    Raises:
        LmctoolError: two variables give the same metric.
    """
    by_name, known = _by_name(result), Notation.of(result)
    described = [_curve(each, known.curve(result, each).text) for each in curve.find(result)]
    described += [_range(own, known.metric(name)) for name, own in list(by_name.items())[:MOST]]
    more = len(by_name) - MOST
    return [*described, f"The tables have {more} more metrics."] if more > 0 else described


def _by_name(result: Result) -> dict[str, list[Metric]]:
    """Return the metrics that are numbers by their name, but for bounds."""
    by_name: dict[str, list[Metric]] = {}
    for metric in listed(result):
        if metric.value is not None and not BOUND.fullmatch(metric.name):
            by_name.setdefault(metric.name, []).append(metric)
    return by_name


def _range(metrics: Sequence[Metric], known: DeclaredMetric) -> str:
    """Return between which values a metric lies, and where: the dims in which places differ."""
    name = metrics[0].name
    low, high = (extreme(metrics, key=lambda metric: metric.value or 0.0) for extreme in (min, max))
    if low.value == high.value:
        everywhere = " everywhere" if len(metrics) > 1 else ""
        return f"{name} is {_value(low, known)}{everywhere}."
    dims = [dim for dim in low.where if len({metric.where[dim] for metric in metrics}) > 1]
    ends = (
        f"{_value(metric, known)} ({', '.join(f'{dim} {metric.where[dim]}' for dim in dims)})"
        for metric in (low, high)
    )
    return f"{name} goes from {' to '.join(ends)}."


def _value(metric: Metric, known: DeclaredMetric) -> str:
    return known.text(metric.value) + ("" if metric.unit == "1" else f" {metric.unit}")


def _curve(each: Curve, text: Callable[[float], str]) -> str:
    """Return what a curve is of and over, and where each of its lines is lowest and highest.

    Of many lines only the lowest and the highest place of all is described.
    """
    ends = f"from {each.places[0]} to {each.places[-1]}"
    over = f"{titled(each.title, each.unit)} over {titled(each.dim, each.names.unit)} {ends}"
    constants = f" ({each.constants})" if each.constants else ""
    lines = [line.values for line in each.lines]
    if len(lines) == 1:
        return f"{over}{constants} {_extremes(lines[0], each.places, text)}."
    if len(lines) > MOST:
        places = [f"{place} of {name}" for name in each.line_names for place in each.places]
        extremes = _extremes(np.concatenate(lines), places, text)
        return f"{over}{constants}, {len(lines)} lines, {extremes}."
    described = (
        f"{name} {_extremes(line, each.places, text)}"
        for name, line in zip(each.line_names, lines, strict=True)
    )
    return f"{over}{constants}, {len(lines)} lines: {'; '.join(described)}."


def _extremes(
    values: NDArray[np.float64], places: Sequence[str], text: Callable[[float], str]
) -> str:
    finite = np.flatnonzero(np.isfinite(values))
    if not finite.size:
        return "has no numbers"
    low, high = (int(finite[extreme(values[finite])]) for extreme in (np.argmin, np.argmax))
    if values[low] == values[high]:
        return f"is {text(values[low])} throughout"
    lowest, highest = (f"at {places[row]} with {text(values[row])}" for row in (low, high))
    return f"is lowest {lowest} and highest {highest}"
