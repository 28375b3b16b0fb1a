"""What follows from the scores of an el2n result: the equal splits, and what each holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable
from lmctool_plugins.analyses.el2n.kernel import equal_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, Result


def bounds(
    scores: Sequence[Array], parts: Sequence[NDArray[np.int64]], count: int
) -> dict[str, Variable]:
    """Return how many examples each split by score has, and its scores.

    Args:
        scores: for each split of the data (example,).
        parts: for each split of the data (example,) the split by score, from 1.
        count: how many splits by score there are.
    """
    rows = [
        [values[own == part] for part in range(1, count + 1)]
        for values, own in zip(scores, parts, strict=True)
    ]
    variables = {}
    for name, function, meaning in (
        ("examples", np.size, "examples"),
        ("lowest", np.min, "lowest EL2N score"),
        ("score", np.mean, "mean EL2N score"),
        ("highest", np.max, "highest EL2N score"),
    ):
        values = np.array([[function(own) for own in row] for row in rows])
        metric = "el2n.score" if name == "score" else ""
        variables[name] = Variable(values, ("split", "part"), "1", meaning, metric)
    return variables


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the scores that a result holds."""
    group = result.groups["el2n/examples"]
    columns = {name: variable.values for name, variable in group.variables.items()}
    count = int(str(group.attributes["splits"]))
    members = [columns["within"] == number for number in range(len(columns["split"]))]
    scores = [columns["score"][own] for own in members]
    parts = [equal_splits(values, count) for values in scores]
    every = np.zeros_like(columns["part"])
    for own, part in zip(members, parts, strict=True):
        every[own] = part
    return {
        "el2n/examples": Group({"part": Variable(every, group.variables["part"].dims)}),
        "el2n/splits": Group(bounds(scores, parts, count)),
    }
