"""What follows from the curves of a matrix result: barriers of every pair, and clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable, barrier, shown_metrics
from lmctool.api.advanced import SHARE, slack
from lmctool_plugins.analyses.matrix.kernel import clusters, mirrored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Result, ScoreMetric

    Variables = Mapping[str, Variable]

SQUARE = ("checkpoint", "other")


def barriers(
    curve: Variables, metrics: Sequence[ScoreMetric], count: int, definition: str
) -> dict[str, Variable]:
    """Return the barriers, and where they are, of every pair both ways.

    Args:
        curve: ``alpha``, and over (pair, variant, split, alpha) each metric.
        metrics: what the curves are of.
        count: how many checkpoints there are.
        definition: which barrier.

    Raises:
        ValueError: the curves are not those of every pair.
    """
    if any(len(curve[metric.name].values) != count * (count - 1) // 2 for metric in metrics):
        raise ValueError(f"curves of pairs that {count} checkpoints do not have")
    both: dict[str, Variable] = {}
    dims = ("variant", "split", *SQUARE)
    later = np.tri(count, k=-1, dtype=bool)
    for metric in metrics:
        name, meaning = metric.name, f"barrier of the {metric.name}"
        costs = metric.as_cost(curve[name].values)
        height, at = barrier(curve["alpha"].values, costs, definition)
        heights = mirrored(np.moveaxis(height, 0, -1), count)
        places = mirrored(np.moveaxis(at, 0, -1), count, np.nan)
        places = np.where(later, 1 - places, places)  # the same path, from its other end
        both[name] = metric.variable(heights, dims, meaning, f"matrix.barrier_{name}", of="height")
        both[f"alpha_{name}"] = Variable(places, dims, "1", f"alpha of the {meaning}")
    return both


def clustering(heights: Variables, connected: float) -> dict[str, Variable]:
    """Return the clusters by the error barrier of the last variant on the first split.

    Args:
        heights: what ``barriers`` returns.
        connected: the greatest barrier of connected networks, a share.
    """
    errors = heights["error"].values[-1, 0]
    most = connected + slack(SHARE)
    members, order = clusters(errors, most)
    pairs = np.triu_indices(len(errors), 1)
    near = errors[pairs] <= most
    inside = members[pairs[0]] == members[pairs[1]]
    place = np.argsort(order)
    variables = {
        "cluster": Variable(members, ("checkpoint",), long_name="cluster"),
        "place": Variable(place, ("checkpoint",), long_name="place in the heat map, from 0"),
    }
    counts = {
        "apart_inside": ((inside & ~near).sum(), "pairs above the threshold in one cluster"),
        "near_outside": ((near & ~inside).sum(), "connected pairs in two clusters"),
    }
    share = "share of pairs that are connected"
    variables |= {
        "clusters": Variable(
            np.array(members.max()), (), "1", "clusters", "matrix.clusters", "lower"
        ),
        "connected": Variable(np.array(near.mean()), (), "1", share, "matrix.connected", "higher"),
    } | {
        name: Variable(np.array(value), (), "1", meaning)
        for name, (value, meaning) in counts.items()
    }
    return variables


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the curves that a result holds."""
    curve, ends = (result.groups[f"matrix/{name}"] for name in ("curve", "ends"))
    metrics = shown_metrics(result)
    count = len(ends.variables["checkpoint"].values)
    heights = barriers(curve.variables, metrics, count, str(curve.attributes["definition"]))
    connected = result.groups["matrix/clusters"].attributes["threshold"]
    return {
        "matrix/barrier": Group(heights),
        "matrix/clusters": Group(clustering(heights, float(str(connected)))),
        "matrix/ends": Group(_ends(curve.variables, metrics, ends.variables)),
    }


def _ends(curve: Variables, metrics: Sequence[ScoreMetric], ends: Variables) -> dict[str, Variable]:
    """Return the metrics of the checkpoints as the plain paths of the first begin and end."""
    both = {}
    for metric in metrics:
        paths = curve[metric.name].values[: len(ends["checkpoint"].values) - 1, 0]
        values = np.concatenate([paths[:1, :, 0], paths[:, :, -1]])
        both[metric.name] = Variable(values, ends[metric.name].dims)
    return both
