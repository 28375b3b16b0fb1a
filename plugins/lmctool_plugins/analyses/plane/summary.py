"""What follows from a grid: the extremes of each metric, and barriers within the triangle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from lmctool.api import Group, Variable, metrics_of
from lmctool_plugins.analyses.plane.kernel import barrier, inside, shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Array, Result, ScoreMetric

    Variables = Mapping[str, Variable]


def summary(
    grid: Variables, corners: Variables, metrics: Sequence[ScoreMetric], definition: str
) -> dict[str, Variable]:
    """Return the lowest and the highest value of each metric, its barrier, and where they are.

    Points without a value are passed over, but for barriers, which then have none either.

    Args:
        grid: ``x``, ``y``, and over (split, y, x) each metric.
        corners: ``x`` and ``y`` over (corner,), and over (corner, split) each metric.
        metrics: what was measured.
        definition: which barrier; there are barriers of three corners alone.
    """
    points = np.stack(np.meshgrid(grid["x"].values, grid["y"].values), axis=-1).reshape(-1, 2)
    places = np.stack([corners[key].values for key in "xy"], axis=-1)
    found: dict[str, Variable] = {}
    for metric in metrics:
        values = grid[metric.name].values.reshape(-1, len(points))
        for key, sign in (("lowest", 1), ("highest", -1)):
            place = np.where(np.isnan(values), np.inf, sign * values).argmin(axis=1)
            own = values[np.arange(len(values)), place]
            found |= _at(metric, key, f"{key} {metric.name} on the grid", own, points[place])
        if len(places) == 3:
            counts = shares(points[:, 0], points[:, 1], places)
            within = inside(counts)
            ends = metric.as_cost(corners[metric.name].values.T)
            costs = np.concatenate([metric.as_cost(values[:, within]), ends], axis=1)
            counts = np.concatenate([counts[within], np.eye(3)])
            height, peak = barrier(costs, counts, ends, definition)
            where = np.concatenate([points[within], places])[peak]
            found |= _at(metric, "barrier", f"barrier of the {metric.name}", height, where)
    return found


def _at(
    metric: ScoreMetric, key: str, meaning: str, values: Array, where: Array
) -> dict[str, Variable]:
    """Return values of one metric, (split,), and their coordinates, which NaN has none of."""
    name = f"{key}_{metric.name}"
    of: Literal["height", "value"] = "height" if key == "barrier" else "value"
    found = {name: metric.variable(values, ("split",), meaning, f"plane.{name}", of=of)}
    for axis, own in zip("xy", where.T, strict=True):
        there = np.where(np.isnan(values), np.nan, own)
        found[f"{name}_{axis}"] = Variable(there, ("split",), "1", f"{axis} of the {meaning}")
    return found


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the grid that a result holds."""
    grid, corners = (result.groups[f"plane/{name}"] for name in ("grid", "corners"))
    definition = str(grid.attributes["definition"])
    own = summary(grid.variables, corners.variables, metrics_of(result), definition)
    return {"plane/summary": Group(own)}
