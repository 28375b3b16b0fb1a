"""Loss and error of a few named networks: as a group of a result, and as its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.result import Group, Variable
from lmctool.results.score_metric import ERROR, LOSS
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.evaluate.scores import Scores
    from lmctool.results.result import Attribute


def score_group(
    analysis: str,
    names: Sequence[str],
    parts: Sequence[Scores],
    attributes: Mapping[str, Attribute] | None = None,
) -> Group:
    """Return loss and error over (network, split), as metrics ``ANALYSIS.loss`` and ``.error``.

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
    for metric in (LOSS, ERROR):
        name = metric.name
        values = np.concatenate([getattr(part, name) for part in parts], axis=1).T
        over = ("network", "split")
        variables[name] = metric.variable(values, over, metric=f"{analysis}.{name}")
    return Group(variables, attributes or {})


def score_table(title: str, group: Group, notes: tuple[str, ...] = ()) -> Table:
    """Return a table with a row for each network on each split."""
    loss, error = group.variables["loss"].values, group.variables["error"].values
    rows = tuple(
        (str(split), str(name), ERROR.text(error[n, s]), LOSS.text(loss[n, s]))
        for s, split in enumerate(group.variables["split"].values)
        for n, name in enumerate(group.variables["network"].values)
    )
    return Table(title, ("split", "network", "error", "loss"), rows, notes)
