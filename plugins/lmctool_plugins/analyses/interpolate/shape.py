"""What follows from the curves of an interpolate result: their shapes, rises and levels."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lmctool.api import Group, Variable, metrics_of
from lmctool.api.advanced import ShapeRule, draw_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Result, ScoreMetric

    Variables = Mapping[str, Variable]


def shapes(
    curve: Variables, metrics: Sequence[ScoreMetric], rule: ShapeRule
) -> dict[str, Variable]:
    """Return the shape of each curve, its greatest value and its largest rise.

    Args:
        curve: ``alpha``, over (..., split, alpha) each metric, and over ``split`` those of the best
            constant answer where they are known.
        metrics: what the curves are of.
        rule: what shapes are.
    """
    alpha, shape = curve["alpha"].values, {}
    for metric in metrics:
        name, rows, over = metric.name, curve[metric.name].values, curve[metric.name].dims[:-1]
        delta, meaning = draw_up(metric.as_cost(rows)), f"largest {metric.worsening} of the {name}"
        shape[f"delta_{name}"] = metric.variable(
            delta, over, meaning, f"interpolate.delta_{name}", of="height"
        )
        shape[f"highest_{name}"] = metric.variable(
            rows.max(axis=-1), over, f"greatest {name}", f"interpolate.highest_{name}"
        )
        known = curve.get(f"chance_{name}")
        chance = math.nan if known is None else known.values
        stays = rule.level_until(metric, alpha, rows, chance)
        for key, numbers, meaning in (
            ("alpha", alpha[rows.argmax(axis=-1)], f"alpha of the greatest {name}"),
            (
                "level",
                stays,
                f"alpha until which the {name} stays at its first level, or at chance",
            ),
        ):
            public = f"interpolate.{key}_{name}"
            shape[f"{key}_{name}"] = Variable(numbers, over, "1", meaning, public)
        shape[f"shape_{name}"] = Variable(
            rule.shapes(metric, alpha, rows, chance), over, long_name=f"shape of the {name}"
        )
    return shape


def part_rises(parts: Variables, metrics: Sequence[ScoreMetric]) -> dict[str, Variable]:
    """Return the largest rises of the curves of parts, over (..., part, alpha)."""
    rises = {}
    for metric in metrics:
        name, rows = metric.name, parts[metric.name]
        meaning, public = f"largest rise of the part's {name}", f"interpolate.part_delta_{name}"
        rises[f"delta_{name}"] = metric.variable(
            draw_up(rows.values), rows.dims[:-1], meaning, public, comparable=False
        )
    return rises


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds."""
    curve = result.groups["interpolate/curve"]
    rule: dict[str, Any] = {each.name: curve.attributes[each.name] for each in fields(ShapeRule)}
    metrics = metrics_of(result)
    groups = {"interpolate/shape": Group(shapes(curve.variables, metrics, ShapeRule(**rule)))}
    if "interpolate/part" in result.groups:
        own = result.groups["interpolate/part"].variables
        groups["interpolate/part"] = Group(part_rises(own, metrics[:2]))
    return groups
