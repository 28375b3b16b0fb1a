"""Evaluating every path, and the shape of its curves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Result, UnjudgedError, Variable, grid, partitions
from lmctool.api.advanced import ShapeRule, chance_levels, short_names
from lmctool_plugins.analyses.interpolate.saving import check, saved
from lmctool_plugins.analyses.interpolate.shape import part_rises, shapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Array, Curves, NewCheckpoint, Partition, Run, ScoreMetric

END = 1
"""The checkpoint that every path leads to."""
OVER = ("pair", "variant", "split")


def network_count(
    run: Run, points: int, alphas: str | None, also: tuple[int, ...], **_: object
) -> int:
    """Return how many networks are measured: the ends, and those between on each path."""
    between = run.count_followed(len(grid(points, alphas)))
    return run.count + len(also) + (1 + len(also)) * between


def measure(
    run: Run,
    points: int,
    alphas: str | None,
    also: tuple[int, ...],
    save_at: str | None,
    by_split: str | None,
    scores: Result | None,
    **thresholds: float,
) -> Result:
    """Follow the path from A, and from each checkpoint of ``also``, to B, and give their shapes.

    Raises:
        UnjudgedError: a start has no finite loss, or there is no peak to save.
    """
    alpha = grid(points, alphas)
    if save_at is not None:
        check(save_at)
    splits = run.ends.splits  # before the alignment, so that a wrong model is reported at once
    divided = partitions(run.splits, by_split, scores)
    starts = (0, *also)
    rows: dict[str, list[Array]] = defaultdict(list)
    checkpoint: NewCheckpoint | None = None
    groups: dict[str, Group] = {}
    for start in starts:
        variants = run.variants(start, END, storable=save_at is not None, outputs_alone=True)
        curves = run.follow(variants, alpha, per_example=bool(divided))
        if not np.isfinite(curves.loss[..., 0]).all():
            raise UnjudgedError(
                f"checkpoint '{run.checkpoints[start].path}' has a loss that is not finite, so the"
                " path from it cannot be judged"
            )
        if start == 0 and save_at is not None:
            checkpoint, groups["interpolate/saved"] = saved(variants[-1], curves, splits, save_at)
        for metric in run.metrics:
            rows[metric.name].append(curves.values(metric))
        if divided:
            rows["losses"].append(by_part(curves.losses, divided, curves))
            rows["errors"].append(by_part(curves.errors, divided, curves))
    values = {name: np.array(own) for name, own in rows.items()}
    names = short_names([run.checkpoints[index].path for index in (*starts, END)])
    texts = {
        "pair": [f"{start} to {names[-1]}" for start in names[:-1]],
        "variant": [variant.name for variant in variants],
        "split": list(splits),
    }
    rule = ShapeRule(**thresholds)
    attributes = {"batchnorm": run.settings.batchnorm} | asdict(rule)
    assert run.task is not None  # an analysis of curves has data
    values |= {f"chance_{n}": own for n, own in chance_levels(run.task, run.splits).items()}
    groups = _groups(texts, alpha, run.metrics, values, rule, attributes) | groups
    if divided:
        groups["interpolate/part"] = _part_group(texts, alpha, run.metrics[:2], values, divided)
    return Result("interpolate", groups, checkpoint)


def by_part(values: Mapping[str, Array], divided: Mapping[str, Partition], curves: Curves) -> Array:
    """Return the mean of each part's examples, (variant, split, part, alpha).

    Args:
        values: for each split (variant, alpha, example).
        divided: the partition of each split; all of them have the same parts.
        curves: what the values are of; its weights weigh the examples.
    """
    means = [
        divided[split].means(rows, curves.weights.get(split)) for split, rows in values.items()
    ]
    return np.moveaxis(np.array(means), (0, 2, 3), (1, 3, 2))


def _groups(
    texts: Mapping[str, list[str]],
    alpha: Array,
    metrics: Sequence[ScoreMetric],
    values: Mapping[str, Array],
    rule: ShapeRule,
    attributes: Mapping[str, float | str],
) -> dict[str, Group]:
    """Return the curves and their shapes."""
    both = _coordinates(texts)
    curve = both | {"alpha": _alpha(alpha)}
    for metric in metrics:
        name, meaning = metric.name, f"{metric.name} of the best constant answer"
        curve[name] = metric.variable(values[name], (*OVER, "alpha"))
        if f"chance_{name}" in values:
            curve[f"chance_{name}"] = metric.variable(values[f"chance_{name}"], ("split",), meaning)
    return {
        "interpolate/curve": Group(curve, attributes),
        "interpolate/shape": Group(both | shapes(curve, metrics, rule), attributes),
    }


def _part_group(
    texts: Mapping[str, list[str]],
    alpha: Array,
    metrics: Sequence[ScoreMetric],
    values: Mapping[str, Array],
    divided: Mapping[str, Partition],
) -> Group:
    """Return loss and error of each part of the splits, and their largest rises."""
    parts = next(iter(divided.values()))
    sizes = np.array([divided[split].sizes for split in texts["split"]])
    variables = _coordinates({**texts, "part": list(parts.parts)}) | {"alpha": _alpha(alpha)}
    variables["examples"] = Variable(sizes, ("split", "part"), long_name="examples of the part")
    over = (*OVER, "part")
    for metric, rows in zip(metrics, (values["losses"], values["errors"]), strict=True):
        name = metric.name
        variables[name] = metric.variable(rows, (*over, "alpha"), f"{name} of the part")
    variables |= part_rises(variables, metrics)
    return Group(variables, {"by": parts.by})


def _coordinates(texts: Mapping[str, list[str]]) -> dict[str, Variable]:
    return {
        name: Variable(np.array(values, dtype=object), (name,), long_name=name)
        for name, values in texts.items()
    }


def _alpha(alpha: Array) -> Variable:
    return Variable(alpha, ("alpha",), long_name="position between the start (0) and B (1)")
