"""The scores of a few named networks: as a group of a result, and as its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.best import best
from lmctool.results.result import Group, Variable
from lmctool.results.score_metric import STANDARD, ScoreMetric
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lmctool.evaluate.scores import Scores
    from lmctool.results.result import Attribute
    from lmctool.results.table import Mark


def score_group(
    analysis: str,
    names: Sequence[str],
    parts: Sequence[Scores],
    attributes: Mapping[str, Attribute] | None = None,
) -> Group:
    """Return scores over (network, split), as metrics ``ANALYSIS.loss``, ``.error`` and so on.

    Args:
        analysis: the name that the metrics begin with.
        names: what each network is called, those of the first part first.
        parts: the scores of the networks, on the same splits.
        attributes: what else is to be said.
    """
    variables = {
        "network": Variable(np.array(names, dtype=object), ("network",), long_name="network"),
        "split": Variable(np.array(parts[0].splits, dtype=object), ("split",), long_name="split"),
    }
    for metric in parts[0].metrics:
        name = metric.name
        values = np.concatenate([part.values(metric) for part in parts], axis=1).T
        over = ("network", "split")
        variables[name] = metric.variable(values, over, metric=f"{analysis}.{name}")
    return Group(variables, attributes or {})


def score_table(
    title: str,
    group: Group,
    notes: tuple[str, ...] = (),
    metrics: Sequence[ScoreMetric] = STANDARD,
    compared: Collection[str] = (),
) -> Table:
    """Return a table with a row for each network on each split.

    Args:
        title: what stands above it.
        group: as ``score_group`` makes it.
        notes: what stands below it.
        metrics: loss, error and others, as ``metrics_of`` gives them of a result.
        compared: the networks of which the best is marked.
    """
    loss, error, *others = metrics
    columns = (error, loss, *others)
    values = {metric.name: group.variables[metric.name].values for metric in columns}
    names, splits = (list(map(str, group.variables[dim].values)) for dim in ("network", "split"))
    rows = tuple(
        (split, name, *(m.text(values[m.name][n, s]) for m in columns))
        for s, split in enumerate(splits)
        for n, name in enumerate(names)
    )
    chosen = [n for n, name in enumerate(names) if name in compared]
    marks: dict[tuple[int, int], Mark] = {
        (s * len(names) + chosen[place], 2 + column): "best"
        for s in range(len(splits))
        for column, metric in enumerate(columns)
        for place in best(values[metric.name][chosen, s], metric.better)
    }
    return Table(title, ("split", "network", *values), rows, notes, keys=2, marks=marks)
