"""The pairs and the clusters as a table."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import best, fall_notes, percent, share_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Result, ScoreMetric, Variable
    from lmctool.api.advanced import Mark


def tabulate(result: Result) -> Table:
    """Show every pair's distance and barriers, and the clusters."""
    group = result.groups["matrix/barrier"]
    variables = group.variables
    variants = [str(variant) for variant in variables["variant"].values]
    names = [str(name) for name in variables["checkpoint"].values]
    distance = result.groups["matrix/distance"].variables["l2"].values
    metrics = shown_metrics(result)
    heads = [f"{metric.name}: {variant}" for metric in metrics for variant in variants]
    rows: list[tuple[str, ...]] = []
    marks: dict[tuple[int, int], Mark] = {}
    for i, j in combinations(range(len(names)), 2):
        for s, split in enumerate(variables["split"].values):
            cells = [names[i], names[j], str(split), f"{distance[i, j]:.4g}"]
            for metric in metrics:
                heights = variables[metric.name].values[:, s, i, j]
                lowest = best(heights, "lower")
                marks |= {(len(rows), len(cells) + v): "best" for v in lowest}
                found = (variables.get(f"{metric.name}_{end}95") for end in ("lower", "upper"))
                bounds = [bound.values[:, s, i, j] for bound in found if bound is not None]
                for v, height in enumerate(heights):
                    shown = " to ".join(metric.text(bound[v]) for bound in bounds)
                    cells.append(metric.text(height) + (f" ({shown})" if shown else ""))
            rows.append(tuple(cells))
    points = len(result.groups["matrix/curve"].variables["alpha"].values)
    how = f"{group.attributes['definition']}, {points} points, BatchNorm"
    title = f"Barriers of {len(names)} checkpoints ({how} {group.attributes['batchnorm']})"
    clusters = result.groups["matrix/clusters"]
    rule = _rule(metrics[0], clusters.variables, clusters.attributes)
    notes = (*_members(names, clusters.variables), rule, *fall_notes(metrics))
    if "matrix/share" in result.groups:
        notes += share_notes(result.groups["matrix/share"])
    columns = ("A", "B", "split", "||A-B||", *heads)
    return Table(title, columns, tuple(rows), notes, keys=3, marks=marks)


def _members(names: list[str], variables: Mapping[str, Variable]) -> Iterator[str]:
    clusters = variables["cluster"].values
    for number in range(1, clusters.max() + 1):
        inside = [name for name, own in zip(names, clusters, strict=True) if own == number]
        yield f"cluster {number}: {', '.join(inside)}"


def _rule(
    error: ScoreMetric, variables: Mapping[str, Variable], attributes: Mapping[str, object]
) -> str:
    share, threshold = float(variables["connected"].values), float(str(attributes["threshold"]))
    apart, near = (int(variables[name].values) for name in ("apart_inside", "near_outside"))
    return (
        f"{percent(share, 0)} of the pairs are connected (error barrier at most"
        f" {error.text(threshold)}); {apart} pairs above that are in one cluster, {near} below it"
        " in two"
    )
