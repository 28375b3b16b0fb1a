"""Scoring examples by checkpoints, and measuring a pair of networks on splits by score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import (
    Group,
    LazyNetworks,
    LmctoolError,
    Result,
    UnjudgedError,
    Variable,
    partitions,
    score_group,
)
from lmctool.api.advanced import example_group
from lmctool_plugins.analyses.el2n.kernel import check_classes, el2n, equal_splits
from lmctool_plugins.analyses.el2n.summary import bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from lmctool.api import Array, Partition, Run, Scores, Split

    Function = Callable[[Tensor, Tensor], Tensor]
    Check = Callable[[Tensor, Tensor], None] | None

MIDDLE = 0.5
"""Where on the path the network between the pair is."""


def network_count(run: Run, pair: tuple[int, int] | None, **_: object) -> int:
    """Return how many networks are measured: those that score, the pair and what is between."""
    return run.count + (0 if pair is None else 2 + len(run.variant_names))


def measure(run: Run, count: int, pair: tuple[int, int] | None) -> Result:
    """Score every example, divide them, and measure the pair on each split.

    Args:
        run: the run.
        count: equal splits of the examples of each split of the data.
        pair: the indices of two checkpoints to measure, or None.

    Raises:
        LmctoolError: the task has no class for each example, there are fewer examples than
            splits, or a path is asked for without a pair.
        UnjudgedError: a checkpoint's outputs, or a loss of the pair, are no numbers.
    """
    if pair is None and (run.settings.aligns or run.settings.correction is not None):
        raise LmctoolError("--align and --repair are for the pair of --pair A B; give that too")
    scores = [scored(run, split) for split in run.splits]
    parts = [equal_splits(values, count) for values in scores]
    variables = {
        "score": Variable(np.concatenate(scores), ("example",), "1", "EL2N score"),
        "part": Variable(np.concatenate(parts), ("example",), "1", "split by score, 1 the easiest"),
    }
    group = example_group(run.splits, variables)
    groups = {
        "el2n/examples": Group(group.variables, {"splits": count, "checkpoints": run.count}),
        "el2n/splits": Group(
            _coordinates(run.splits, [str(part) for part in range(1, count + 1)])
            | bounds(scores, parts, count)
        ),
    }
    result = Result("el2n", groups)
    if pair is None:
        return result
    members = partitions(run.splits, "el2n", result)
    return Result("el2n", {**groups, **_compared(run, pair, members)})


def scored(run: Run, split: Split) -> Array:
    """Return the EL2N score of each example, the mean over the run's checkpoints, (example,).

    Raises:
        LmctoolError: the task has no class for each example.
        UnjudgedError: a score isn't a number.
    """
    networks = LazyNetworks(run.weights, range(run.count))
    function, check = _function(run, split)
    each = run.read(networks, split, function, description="scores", check=check)
    for values, checkpoint in zip(each, run.checkpoints, strict=False):
        if np.isnan(values).any():
            raise UnjudgedError(
                f"checkpoint '{checkpoint.path}' gives outputs that are no numbers for"
                f" {np.isnan(values).sum()} examples of split {split.name!r}, so they have no score"
            )
    mean: Array = np.mean(each, axis=0)
    return mean


def _function(run: Run, split: Split) -> tuple[Function, Check]:
    """Return what scores a batch, and what checks the targets of the split before.

    Raises:
        LmctoolError: the task has no class for each example.
    """
    if run.task_name == "classification":
        return el2n, check_classes
    assert run.task is not None
    task = run.task.on(split.targets)
    refusal = LmctoolError(
        "EL2N scores are of examples that have one class each, which task"
        f" {run.task_name!r} does not tell"
    )
    if task.answers is None or task.weight is not None:
        raise refusal

    def scores(outputs: Tensor, targets: Tensor) -> Tensor:
        assert task.answers is not None
        answers, right = task.answers(outputs, targets)
        if len(right) != len(targets) or right.ndim != 1:
            raise refusal
        return el2n(answers, right)

    return scores, task.check


def _coordinates(splits: Sequence[Split], parts: Sequence[str]) -> dict[str, Variable]:
    names = np.array([split.name for split in splits], dtype=object)
    return {
        "split": Variable(names, ("split",), long_name="split"),
        "part": Variable(np.array(parts, dtype=object), ("part",), long_name="split by score"),
    }


def _compared(
    run: Run, pair: tuple[int, int], members: Mapping[str, Partition]
) -> dict[str, Group]:
    """Return loss and error of the pair and of the networks between, whole and in parts."""
    ends = run.scores(pair)
    variants = run.variants(*pair)
    middle = run.evaluate(
        LazyNetworks(lambda variant: variant.at(MIDDLE), variants),
        per_example=True,
        description="midpoints",
    )
    names = ["a", "b", *(variant.name for variant in variants)]
    _check(names, (ends, middle))
    attributes = {"alpha": MIDDLE, "batchnorm": run.settings.batchnorm}
    variables = _coordinates(run.splits, next(iter(members.values())).parts)
    variables["network"] = Variable(
        np.array(names, dtype=object), ("network",), long_name="network"
    )
    for metric, per_example in zip(run.metrics[:2], ("losses", "errors"), strict=True):
        values = [
            partition.means(
                np.vstack([getattr(part, per_example)[name] for part in (ends, middle)])
            )
            for name, partition in members.items()
        ]
        variables[metric.name] = metric.variable(
            np.stack(values, axis=1),
            ("network", "split", "part"),
            f"{metric.name} on a split by score",
            f"el2n.parts.{metric.name}",
        )
    return {
        "el2n/whole": score_group("el2n", names, [ends, middle], attributes),
        "el2n/parts": Group(variables, attributes),
    }


def _check(names: Sequence[str], parts: Sequence[Scores]) -> None:
    loss = np.hstack([part.loss for part in parts])
    for name, values in zip(names, loss.T, strict=True):
        if not np.isfinite(values).all():
            raise UnjudgedError(f"network {name!r} of --pair has a loss that is no number")
