"""What a result found: the values of a metric, and where each of them is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmctool.report.notation import Notation, in_words
from lmctool.results.aggregate.aggregate import averaged_analysis
from lmctool.results.aggregate.pairs import BOTH, PAIR
from lmctool.results.metrics import full_name, listed
from lmctool.results.text import joined, titled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result

HEADLINES = ("error", "loss")
"""Metrics that speak for a result, the first of them that it has; else its first metric."""
BOUND = re.compile(r".+\.(lower|upper)\d*")
"""Metrics that are a bound of another metric, which are in the tables alone."""
BY = ("variant", "network")
"""The dims by which many values are told; their coordinates are names that need no more words."""
NAMES = (*BY, "split", "layer", "block", PAIR)
"""The dims whose coordinates say themselves what they are."""
FEW = 6
"""Values that are told one by one."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a metric, or a range of them.

    Attributes:
        place: where it is, in words; empty where there is nothing to tell.
        text: the value.
        interval: the 95 % interval of one value; empty where the result has none.
    """

    place: str
    text: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The values of one metric of a result.

    Attributes:
        metric: its name, with the unit of its values.
        values: the values one by one, if they are few; else from where to where those of each
            variant go, or those of all.
        lowest: the least of them.
        highest: the greatest of them.
        count: how many there are.
    """

    metric: str
    values: tuple[Value, ...]
    lowest: Value
    highest: Value
    count: int


def main_finding(result: Result) -> Finding | None:
    """Return the metric that speaks for a result: its error, its loss, or else its first metric.

    None where no metric of it is a number.

    Raises:
        LmctoolError: two variables give the same metric.
    """
    found = findings(result)
    of = averaged_analysis(result)
    wanted = [f"{of}.{word}.mean" if of else f"{result.analysis}.{word}" for word in HEADLINES]
    wanted += [re.sub(r"loss\b", HEADLINES[0], name) for name in list(found)[:1]]
    return next((found[name] for name in (*wanted, *found) if name in found), None)


def findings(result: Result) -> dict[str, Finding]:
    """Return what a result found of every metric that is a number, but for bounds, by its name.

    Raises:
        LmctoolError: two variables give the same metric.
    """
    known, metrics = Notation.of(result), listed(result)
    bounds = {metric.full_name: metric for metric in metrics if BOUND.fullmatch(metric.name)}
    by_name: dict[str, list[Metric]] = {}
    for metric in _of_pairs(metrics):
        if metric.value is not None and metric.full_name not in bounds:
            by_name.setdefault(metric.name, []).append(metric)
    return {name: _finding(some, known.metric(name), bounds) for name, some in by_name.items()}


def _of_pairs(metrics: Sequence[Metric]) -> Iterator[Metric]:
    """Yield metrics, of those of each two networks one a pair: what stands in half a matrix."""
    seen = set()
    for metric in metrics:
        if not set(BOTH) <= metric.where.keys():
            yield metric
            continue
        networks = sorted({metric.where[dim] for dim in BOTH})
        rest = {dim: name for dim, name in metric.where.items() if dim not in BOTH}
        each = replace(metric, where={**rest, PAIR: joined(networks)})
        if len(networks) > 1 and each.full_name not in seen:
            seen.add(each.full_name)
            yield each


def _finding(
    metrics: Sequence[Metric], own: DeclaredMetric, bounds: Mapping[str, Metric]
) -> Finding:
    """Return what metrics of one name found.

    Args:
        metrics: the metrics.
        own: what the analysis declares of them.
        bounds: the bounds of all metrics of the result, by their full names.
    """
    held = dict.fromkeys(dim for metric in metrics for dim in metric.where)
    sizes = {dim: len({metric.where.get(dim) for metric in metrics}) for dim in held}
    dims = [dim for dim, size in sizes.items() if size > 1]
    by = dims if len(metrics) <= FEW else [dim for dim in BY if 1 < sizes.get(dim, 0) <= FEW][:1]
    groups: dict[str, list[Metric]] = {}
    for metric in metrics:
        groups.setdefault(_place(metric, by), []).append(metric)
    values = (
        Value(place, _span(some, own), _interval(some, own, bounds))
        for place, some in groups.items()
    )
    lowest, highest = (
        Value(_place(each, dims), in_words(own, each.value)) for each in _ends(metrics)
    )
    name = titled(metrics[0].name, metrics[0].unit)
    return Finding(name, tuple(values), lowest, highest, len(metrics))


def _ends(metrics: Sequence[Metric]) -> tuple[Metric, Metric]:
    """Return the metric with the least value and that with the greatest."""
    ordered = sorted(metrics, key=lambda metric: metric.value or 0.0)
    return ordered[0], ordered[-1]


def _span(metrics: Sequence[Metric], own: DeclaredMetric) -> str:
    """Return one value, or from where to where several go."""
    return " to ".join(dict.fromkeys(in_words(own, metric.value) for metric in _ends(metrics)))


def _interval(metrics: Sequence[Metric], own: DeclaredMetric, bounds: Mapping[str, Metric]) -> str:
    """Return the 95 % interval of one value, if the result has it."""
    first, *others = metrics
    names = (full_name(f"{first.name}.{side}95", first.where) for side in ("lower", "upper"))
    values = [bounds[name].value for name in names if name in bounds and not others]
    return (
        " to ".join(in_words(own, value) for value in values)
        if values and None not in values
        else ""
    )


def _place(metric: Metric, dims: Sequence[str]) -> str:
    """Return the coordinates of a value in some dims, in words."""
    names = ((dim, metric.where[dim]) for dim in dims if dim in metric.where)
    return ", ".join(name if dim in NAMES else f"{dim} {name}" for dim, name in names)
