"""The pairs and the clusters as a table; of many checkpoints each against all the others."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Table, shown_metrics
from lmctool.api.advanced import best, fall_notes, percent, share_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.api import Array, Result, ScoreMetric, Variable
    from lmctool.api.advanced import Mark

FEW = 16
"""Checkpoints of which every pair has a row."""


def tabulate(result: Result) -> Table:
    """Show every pair's distance and barriers, or of many checkpoints their means, and clusters."""
    if len(result.groups["matrix/clusters"].variables["cluster"].values) > FEW:
        return _means(result)
    return _pairs(result)


def _pairs(result: Result) -> Table:
    """Show a row for each pair."""
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
    title = f"Barriers of {len(names)} checkpoints ({_how(result)})"
    clusters = result.groups["matrix/clusters"]
    rule = _rule(metrics[0], clusters.variables, clusters.attributes)
    notes = (*_members(names, clusters.variables), rule, *fall_notes(metrics))
    if "matrix/share" in result.groups:
        notes += share_notes(result.groups["matrix/share"])
    columns = ("A", "B", "split", "||A-B||", *heads)
    return Table(title, columns, tuple(rows), notes, keys=3, marks=marks)


def _means(result: Result) -> Table:
    """Show a row for each checkpoint: the means over the others, and the one that is nearest."""
    variables = result.groups["matrix/barrier"].variables
    clusters = result.groups["matrix/clusters"]
    members = clusters.variables["cluster"].values
    variants = [str(variant) for variant in variables["variant"].values]
    names = [str(name) for name in variables["checkpoint"].values]
    distance = _over_others(result.groups["matrix/distance"].variables["l2"].values)
    metrics = shown_metrics(result)
    rows: list[tuple[str, ...]] = []
    marks: dict[tuple[int, int], Mark] = {}
    for s, split in enumerate(variables["split"].values):
        means = [_over_others(variables[metric.name].values[:, s]) for metric in metrics]
        last = variables[metrics[0].name].values[-1, s]
        away = np.where(np.isnan(last) | np.eye(len(names), dtype=bool), np.inf, last)
        for n, name in enumerate(names):
            cells = [name, str(split), str(members[n]), f"{distance[n]:.4g}"]
            for metric, own in zip(metrics, means, strict=True):
                lowest = best(own[:, n], "lower")
                marks |= {(len(rows), len(cells) + v): "best" for v in lowest}
                cells += map(metric.text, own[:, n])
            near = int(away[n].argmin())
            known = np.isfinite(away[n, near])
            rows.append((*cells, names[near] if known else "-", metrics[0].text(last[n, near])))
    heads = [f"{metric.name}: {variant}" for metric in metrics for variant in variants]
    columns = ("checkpoint", "split", "cluster", "||A-B||", *heads, "nearest", "at")
    sizes = np.bincount(members)
    pairs = len(names) * (len(names) - 1) // 2
    notes = (
        f"means over the {len(names) - 1} others; nearest is the one with the lowest"
        f" {metrics[0].name} barrier, {variants[-1]}",
        f"{members.max()} clusters, the largest of {sizes.max()} checkpoints",
        _rule(metrics[0], clusters.variables, clusters.attributes),
        f"all {pairs} pairs: lmctool show RESULT --table matrix/barrier, or matrix/distance",
        *fall_notes(metrics),
    )
    title = f"Mean barriers of {len(names)} checkpoints ({_how(result)})"
    return Table(title, columns, tuple(rows), notes, keys=2, marks=marks)


def _over_others(square: Array) -> Array:
    """Return the means over all others: (..., row) of (..., row, column); NaN where one is."""
    count = square.shape[-1]
    others = np.where(np.eye(count, dtype=bool), 0, square)
    return np.asarray(others.sum(axis=-1) / (count - 1))


def _how(result: Result) -> str:
    attributes = result.groups["matrix/barrier"].attributes
    points = len(result.groups["matrix/curve"].variables["alpha"].values)
    return f"{attributes['definition']}, {points} points, BatchNorm {attributes['batchnorm']}"


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
