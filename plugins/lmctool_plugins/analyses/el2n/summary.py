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
    rows = [divided(values, own, count) for values, own in zip(scores, parts, strict=True)]
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


def divided(values: Array, parts: NDArray[np.int64], count: int) -> list[Array]:
    """Return the values of each part, from 1, in their order."""
    order = np.argsort(parts, kind="stable")
    return np.split(values[order], np.searchsorted(parts[order], np.arange(2, count + 1)))


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the scores that a result holds.

    Raises:
        ValueError: there is not one score, and the split it is in, for each example.
    """
    group = result.groups["el2n/examples"]
    score, within, part = (group.variables[key].values for key in ("score", "within", "part"))
    if not score.shape == within.shape == part.shape or (np.diff(within) < 0).any():
        raise ValueError("scores that are not those of examples, split by split")
    count, splits = int(str(group.attributes["splits"])), len(group.variables["split"].values)
    scores = divided(score, within + 1, splits)
    parts = [equal_splits(values, count) for values in scores]
    every = Variable(np.concatenate(parts), group.variables["part"].dims)
    return {
        "el2n/examples": Group({"part": every}),
        "el2n/splits": Group(bounds(scores, parts, count)),
    }
