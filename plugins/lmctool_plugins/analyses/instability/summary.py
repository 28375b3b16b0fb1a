"""What follows from the paths of an instability result: barriers, their means, the criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable, barrier, shown_metrics
from lmctool.api.advanced import statistics
from lmctool_plugins.analyses.instability.kernel import forks, sibling_count, stable_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Array, Result, ScoreMetric

    Variables = Mapping[str, Variable]

STRONG = "strong"
"""The paths between siblings that one permutation each brings into one frame."""
DIMS = ("step", "variant", "split")


def heights(path: Variables, metric: ScoreMetric) -> tuple[Array, Array]:
    """Return the barrier of each path and its alpha, (pair, variant, split) each."""
    return barrier(path["alpha"].values, metric.as_cost(path[metric.name].values), "mean-ends")


def pair_barriers(path: Variables, metrics: Sequence[ScoreMetric]) -> dict[str, Variable]:
    """Return the barriers of every pair, and where they are.

    Args:
        path: ``alpha``, and over (pair, variant, split, alpha) each metric.
        metrics: what the paths are measured by.
    """
    found, dims = {}, ("pair", "variant", "split")
    for metric in metrics:
        name, meaning = metric.name, f"barrier of the {metric.name} between two siblings"
        height, at = heights(path, metric)
        public = f"instability.pair_{name}"
        found[name] = metric.variable(height, dims, meaning, public, of="height")
        found[f"alpha_{name}"] = Variable(at, dims, "1", f"alpha of the {meaning}")
    return found


def forked(path: Variables, metrics: Sequence[ScoreMetric]) -> dict[str, Variable]:
    """Return the instability of each step, and the bounds of its interval.

    Args:
        path: ``fork`` (pair,) rising, ``alpha``, and over (pair, variant, split, alpha) each
            metric; the pairs of a fork in the order of ``itertools.combinations``.
        metrics: what the paths are measured by.

    Raises:
        ValueError: the pairs of a fork are not all of some siblings.
    """
    own = forks(path["fork"].values)
    siblings = [sibling_count(place.stop - place.start) for _, place in own]
    found = {
        "step": Variable(np.array([step for step, _ in own]), ("step",), long_name="step"),
        "siblings": Variable(np.array(siblings), ("step",), long_name="siblings of the fork"),
    }
    for metric in metrics:
        name, meaning = metric.name, f"mean barrier of the {metric.name} between siblings"
        height, _ = heights(path, metric)
        each = [
            statistics(height[place], networks=count)
            for (_, place), count in zip(own, siblings, strict=True)
        ]
        public = f"instability.{name}"
        mean = np.array([one.mean for one in each])
        found[name] = metric.variable(mean, DIMS, meaning, public, of="height")
        for bound in ("lower", "upper"):
            reach = np.array([getattr(one, bound) for one in each])
            found[f"{name}_{bound}95"] = metric.variable(
                np.clip(reach, 0, metric.high - metric.low),  # no barrier lies elsewhere
                DIMS,
                f"{bound} 95 % bound of the {meaning}",
                f"{public}.{bound}95",
                of="height",
                comparable=False,
            )
    return found


def stable(curve: Variables, bound: float) -> dict[str, Variable]:
    """Return the first step from which on the network is stable, (variant, split).

    Args:
        curve: what ``forked`` returns.
        bound: the error instability below which it is, a share.
    """
    first = stable_from(curve["step"].values, curve["error"].values, bound)
    meaning, name = "first step from which on all forks are stable", "instability.stable_from"
    return {"stable_from": Variable(first, ("variant", "split"), "1", meaning, name, "lower")}


def ends(path: Variables, metrics: Sequence[ScoreMetric]) -> dict[str, Variable]:
    """Return the metrics of the siblings themselves, as the plain paths begin and end.

    Args:
        path: as ``forked`` takes it.
        metrics: what the paths are measured by.
    """
    found = {}
    own = [
        slice(place.start, place.start + sibling_count(place.stop - place.start) - 1)
        for _, place in forks(path["fork"].values)
    ]
    steps = [
        step
        for step, place in forks(path["fork"].values)
        for _ in range(sibling_count(place.stop - place.start))
    ]
    found["fork"] = Variable(np.array(steps), ("sibling",), long_name="step of the fork")
    for metric in metrics:
        plain = path[metric.name].values[:, 0]
        values = [
            part
            for place in own
            for part in (plain[place.start][None, :, 0], plain[place][:, :, -1])
        ]
        public = f"instability.end_{metric.name}"
        found[metric.name] = metric.variable(
            np.concatenate(values), ("sibling", "split"), metric=public
        )
    return found


def derived(result: Result) -> dict[str, Group]:
    """Return what follows from the paths that a result holds."""
    path, metrics = result.groups["instability/path"].variables, shown_metrics(result)
    curve = forked(path, metrics)
    bound = float(str(result.groups["instability/stable"].attributes["threshold"]))
    return {
        "instability/curve": Group(curve),
        "instability/stable": Group(stable(curve, bound)),
        "instability/pairs": Group(pair_barriers(path, metrics)),
        "instability/ends": Group(ends(path, metrics)),
    }
