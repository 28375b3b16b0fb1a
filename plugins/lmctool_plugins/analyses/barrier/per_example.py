"""The barrier of each example on its own.

An example is what a split holds under one number: of a language model a sequence, whose loss is
the mean over its tokens, and which is right where every token is.  The median of the examples'
barriers, and the share of examples that are right at both ends and wrong between, count each
example once; where the error is no share of answers, as in regression, none is right or wrong.
The mean weighs examples as the mean loss does, a sequence by its tokens, and so is at least the
barrier of the mean curve: examples that rise at different places along the path hide one another
in the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable
from lmctool.api.advanced import example_group
from lmctool_plugins.analyses.barrier.metrics import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, ScoreMetric, Split
    from lmctool_plugins.analyses.barrier.paths import Paths


def broken(errors: Array) -> NDArray[np.bool_]:
    """Return which examples both ends answer rightly and some network between them wrongly.

    A sequence is answered rightly where each of its tokens is.

    Args:
        errors: (..., alpha, example).

    Returns:
        (..., example).
    """
    ends = (errors[..., 0, :] == 0) & (errors[..., -1, :] == 0)
    lost: NDArray[np.bool_] = ends & (errors > 0).any(axis=-2)
    return lost


def example_groups(paths: Paths, splits: Sequence[Split]) -> dict[str, Group]:
    """Return the barrier of the loss of each example, with its place, and what they sum up to."""
    loss, error = paths.means
    heights, places = zip(
        *(paths.barriers(paths.curves.losses[split.name].swapaxes(-1, -2)) for split in splits),
        strict=True,
    )
    over = ("variant", "example")
    names = paths.coordinates()
    variables = {
        "variant": names["variant"],
        "barrier_loss": loss.variable(
            np.concatenate(heights, axis=-1), over, "barrier of the loss of an example"
        ),
        "alpha_loss": Variable(
            np.concatenate(places, axis=-1), over, "1", "alpha of the barrier of an example"
        ),
    }
    lost = None
    if error.of_answers:
        lost = [broken(paths.curves.errors[split.name]) for split in splits]
        variables["broken"] = Variable(
            np.concatenate(lost, axis=-1),
            over,
            "1",
            "right at both ends, wrong between; a sequence is right where each token is",
        )
    weights = [paths.curves.weights.get(split.name) for split in splits]
    attributes = {"definition": paths.definition}
    weighted = int(any(weight is not None for weight in weights))
    examples = example_group(splits, variables)
    return {
        "barrier/examples": Group(examples.variables, attributes),
        "barrier/singly": Group(
            names | summed_up(paths.means, heights, lost, weights),
            {**attributes, "weighted": weighted},
        ),
    }


def summed_up(
    metrics: Sequence[ScoreMetric],
    heights: Sequence[Array],
    lost: Sequence[NDArray[np.bool_]] | None,
    weights: Sequence[Array | None],
) -> dict[str, Variable]:
    """Return the mean and the median barrier of the examples of each split, and how many break.

    Args:
        metrics: loss and error.
        heights: for each split (variant, example) the barrier of the loss.
        lost: for each split (variant, example) whether it is right at both ends, wrong between;
            None where no answer is right.
        weights: for each split (example,) how much each counts in the mean, and not at all where
            it is 0; None where all count the same.
    """
    loss, error = metrics
    each = [
        ("mean", loss, _means(heights, weights)),
        ("median", loss, _of_each(np.median, heights, weights)),
    ]
    if lost is not None:
        each.append(("broken", error, _of_each(np.mean, lost, weights)))
    summary = {}
    for name, metric, values in each:
        public = f"barrier.examples.{name}"
        summary[name] = metric.variable(
            values, ("variant", "split"), MEANINGS[name], public, comparable=False
        )
    return summary


def _means(rows: Sequence[Array], weights: Sequence[Array | None]) -> Array:
    """Return the mean over the examples of each split that count, (variant, split)."""
    means = []
    for row, weight in zip(rows, weights, strict=True):
        own = slice(None) if weight is None else weight > 0
        share = None if weight is None else weight[own]
        means.append(np.average(row[..., own], axis=-1, weights=share))
    return np.stack(means, axis=-1)


def _of_each(
    function: Callable[..., Array],
    rows: Sequence[Array | NDArray[np.bool_]],
    weights: Sequence[Array | None],
) -> Array:
    """Return a function over the examples of each split that count, each once: (variant, split)."""
    counted = [
        row if weight is None else row[..., weight > 0]
        for row, weight in zip(rows, weights, strict=True)
    ]
    return np.stack([function(row, axis=-1) for row in counted], axis=-1)
