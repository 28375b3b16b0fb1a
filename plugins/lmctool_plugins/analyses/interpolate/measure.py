"""Evaluating every path, and telling its shape."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import (
    Group,
    Result,
    ShapeRule,
    UnjudgedError,
    Variable,
    draw_up,
    grid,
    level_until,
    partitions,
    short_names,
)
from lmctool_plugins.analyses.interpolate.saving import check, saved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool.api import Curves, NewCheckpoint, Partition, Run

    Array = NDArray[np.float64]

END = 1
"""The checkpoint that every path leads to."""
OVER = ("pair", "variant", "split")
UNITS = {"loss": "nat", "error": "1"}


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
    """Follow the path from A, and from each checkpoint of ``also``, to B; tell their shapes.

    Raises:
        UnjudgedError: a start has no finite loss, or there is no peak to save.
    """
    alpha = grid(points, alphas)
    if save_at is not None:
        check(save_at)
    splits = run.ends.splits  # before the alignment, so that a wrong model is told at once
    divided = partitions(run.splits, by_split, scores)
    starts = (0, *also)
    found: dict[str, list[Array]] = {key: [] for key in ("loss", "error", "losses", "errors")}
    checkpoint: NewCheckpoint | None = None
    groups: dict[str, Group] = {}
    for start in starts:
        variants = run.variants(start, END, storable=save_at is not None)
        curves = run.follow(variants, alpha, per_example=bool(divided))
        if not np.isfinite(curves.loss[..., 0]).all():
            raise UnjudgedError(
                f"checkpoint '{run.checkpoints[start].path}' has a loss that is not finite, so the"
                " path from it cannot be judged"
            )
        if start == 0 and save_at is not None:
            checkpoint, groups["interpolate/saved"] = saved(variants[-1], curves, splits, save_at)
        found["loss"].append(curves.loss)
        found["error"].append(curves.error)
        if divided:
            found["losses"].append(by_part(curves.losses, divided, curves))
            found["errors"].append(by_part(curves.errors, divided, curves))
    values = {name: np.array(rows) for name, rows in found.items()}
    called = short_names([run.checkpoints[index].path for index in (*starts, END)])
    texts = {
        "pair": [f"{start} to {called[-1]}" for start in called[:-1]],
        "variant": [variant.name for variant in variants],
        "split": list(splits),
    }
    rule = ShapeRule(**thresholds)
    said = {"batchnorm": run.settings.batchnorm} | asdict(rule)
    groups = _groups(texts, alpha, values, rule, said) | groups
    if divided:
        groups["interpolate/part"] = _part_group(texts, alpha, values, divided)
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
    values: Mapping[str, Array],
    rule: ShapeRule,
    said: Mapping[str, float | str],
) -> dict[str, Group]:
    """Return the curves and their shapes."""
    both = _coordinates(texts)
    curve, shape = both | {"alpha": _alpha(alpha)}, dict(both)
    for name, unit in UNITS.items():
        rows = values[name]
        stays = level_until(alpha, rows, rule.plateau_level)
        curve[name] = Variable(rows, (*OVER, "alpha"), unit, name)
        for key, numbers, of, meaning in (
            ("delta", draw_up(rows), unit, "largest rise of the {}"),
            ("highest", rows.max(axis=-1), unit, "greatest {}"),
            ("alpha", alpha[rows.argmax(axis=-1)], "1", "alpha of the greatest {}"),
            ("level", stays, "1", "alpha until which the {} stays at its first level"),
        ):
            said_so = meaning.format(name)
            metric = f"interpolate.{key}_{name}"
            shape[f"{key}_{name}"] = Variable(numbers, OVER, of, said_so, metric)
        shape[f"shape_{name}"] = Variable(
            rule.shapes(name, alpha, rows), OVER, long_name=f"shape of the {name}"
        )
    return {"interpolate/curve": Group(curve, said), "interpolate/shape": Group(shape, said)}


def _part_group(
    texts: Mapping[str, list[str]],
    alpha: Array,
    values: Mapping[str, Array],
    divided: Mapping[str, Partition],
) -> Group:
    """Return the curves of each part of the splits, and their largest rises."""
    parts = next(iter(divided.values()))
    sizes = np.array([divided[split].sizes for split in texts["split"]])
    found = _coordinates({**texts, "part": list(parts.parts)}) | {"alpha": _alpha(alpha)}
    found["examples"] = Variable(sizes, ("split", "part"), long_name="examples of the part")
    over = (*OVER, "part")
    for name, unit in UNITS.items():
        rows = values["losses" if name == "loss" else "errors"]
        found[name] = Variable(rows, (*over, "alpha"), unit, f"{name} of the part")
        rise, metric = f"largest rise of the part's {name}", f"interpolate.part_delta_{name}"
        found[f"delta_{name}"] = Variable(draw_up(rows), over, unit, rise, metric)
    return Group(found, {"by": parts.by})


def _coordinates(texts: Mapping[str, list[str]]) -> dict[str, Variable]:
    return {
        name: Variable(np.array(values, dtype=object), (name,), long_name=name)
        for name, values in texts.items()
    }


def _alpha(alpha: Array) -> Variable:
    return Variable(alpha, ("alpha",), long_name="position between the start (0) and B (1)")
