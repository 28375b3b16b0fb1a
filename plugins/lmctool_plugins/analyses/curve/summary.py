"""What follows from the curves of a curve result: barriers, rises and shapes."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lmctool.api import Group, Variable, barrier, metrics_of
from lmctool.api.advanced import ShapeRule, draw_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Result, ScoreMetric

    Variables = Mapping[str, Variable]

CURVES, SUMMARY = "curve/curves", "curve/summary"
OVER = ("path", "split")


def summed_up(
    curves: Variables, metrics: Sequence[ScoreMetric], definition: str, rule: ShapeRule
) -> dict[str, Variable]:
    """Return the barrier, the largest rise, the greatest value and the shape of each path.

    Args:
        curves: ``alpha``, over (path, split, alpha) each metric, and over ``split`` those of the
            best constant answer where they are known.
        metrics: what the curves are of.
        definition: which barrier.
        rule: what shapes are.
    """
    alpha, summary = curves["alpha"].values, {name: curves[name] for name in OVER}
    for metric in metrics:
        name, rows = metric.name, curves[metric.name].values
        costs = metric.as_cost(rows)
        height, at = barrier(alpha, costs, definition)
        known = curves.get(f"chance_{name}")
        chance = math.nan if known is None else known.values
        rise = f"largest {metric.worsening} of the {name}"
        summary |= {
            f"barrier_{name}": metric.variable(
                height, OVER, f"barrier of the {name}", f"curve.barrier.{name}", of="height"
            ),
            f"delta_{name}": metric.variable(
                draw_up(costs), OVER, rise, f"curve.delta.{name}", of="height"
            ),
            f"highest_{name}": metric.variable(
                rows.max(axis=-1), OVER, f"greatest {name}", f"curve.highest.{name}"
            ),
        }
        summary[f"alpha_{name}"] = Variable(at, OVER, "1", f"alpha of the barrier of the {name}")
        summary[f"shape_{name}"] = Variable(
            rule.shapes(metric, alpha, rows, chance), OVER, long_name=f"shape of the {name}"
        )
    return summary


def rule_of(group: Group) -> ShapeRule:
    """Return the rule of shapes that a group was made by."""
    rule: dict[str, Any] = {each.name: group.attributes[each.name] for each in fields(ShapeRule)}
    return ShapeRule(**rule)


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds."""
    curves = result.groups[CURVES]
    definition = str(curves.attributes["definition"])
    found = summed_up(curves.variables, metrics_of(result), definition, rule_of(curves))
    return {SUMMARY: Group(found)}
