"""Evaluating every variant of the path, and taking its barriers."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Result, barrier, grid, partitions
from lmctool.api.advanced import around, bounds
from lmctool_plugins.analyses.barrier.baselines import baseline_groups, check_classes
from lmctool_plugins.analyses.barrier.intervals import LEVEL, intervals
from lmctool_plugins.analyses.barrier.parts import part_group
from lmctool_plugins.analyses.barrier.paths import Paths, attributes_of
from lmctool_plugins.analyses.barrier.per_example import example_groups
from lmctool_plugins.analyses.barrier.precision import precision_group
from lmctool_plugins.analyses.barrier.share import sampled_barriers
from lmctool_plugins.analyses.barrier.summary import barriers, ends

if TYPE_CHECKING:
    from lmctool.api import Array, Run, Variable, Variant

    Groups = dict[str, dict[str, Variable]]


def network_count(
    run: Run,
    points: int,
    alphas: str | None,
    *,
    refine: bool,
    baselines: bool,
    within: str | None,
    **_: object,
) -> int | None:
    """Return how many networks are measured: the ends, and those between of each variant."""
    if refine or within is not None or run.settings.precision == "bfloat16":
        return None  # how many are measured follows from the barriers
    ends = run.count * (2 if baselines else 1)
    return ends + run.count_followed(len(grid(points, alphas)))


def measure(
    run: Run,
    points: int,
    alphas: str | None,
    refine: bool,
    definition: str,
    bootstrap: int | None = None,
    by_split: str | None = None,
    scores: Result | None = None,
    baselines: bool = False,
    per_example: bool = False,
    within: str | None = None,
) -> Result:
    """Evaluate every variant of the path, and its barriers.

    Args:
        run: the run.
        points: evenly spaced points on the path, when none are listed.
        alphas: a comma list of points.
        refine: evaluate more points beside each peak.
        definition: which barrier.
        bootstrap: how many draws of the examples give intervals; None for none.
        by_split: barriers of each part by ``class`` or ``el2n`` too.
        scores: the result that holds the parts by ``el2n``.
        baselines: the ensemble of the ends and their balanced logits too.
        per_example: the barrier of each example too.
        within: half the width of an interval by a share of the examples; None for all of them.

    Raises:
        LmctoolError: something is asked of each example, and a share of them too.
    """
    if within is not None:
        of_all = {
            "--refine": refine,
            "--bootstrap": bootstrap,
            "--by-split": by_split,
            "--baselines": baselines,
            "--per-example": per_example,
            "--precision bfloat16, whose cost is told,": run.settings.precision == "bfloat16",
        }
        return sampled_barriers(run, grid(points, alphas), definition, within, of_all)
    members = partitions(run.splits, by_split, scores)
    if baselines:
        check_classes(run)
    per_example_scores = bool(members) or bootstrap is not None or baselines or per_example
    paths, variants = _followed(run, grid(points, alphas), refine, definition, per_example_scores)
    attributes = attributes_of(run, definition, [(g.end, g.split) for g in run.guesses])
    curve = paths.curve()
    groups = {
        "curve": curve,
        "summary": paths.coordinates() | barriers(curve, run.metrics, definition),
        "ends": ends(curve, run.metrics),
    }
    if bootstrap is not None:
        attributes |= {"bootstrap": bootstrap, "level": LEVEL}
        _add_intervals(groups, paths, bootstrap, run.settings.seed)
    complete = {
        f"barrier/{name}": Group(variables, attributes) for name, variables in groups.items()
    }
    if members:
        complete["barrier/parts"] = part_group(paths, members, bootstrap, run.settings.seed)
    if baselines:
        complete |= baseline_groups(run, paths)
    if run.settings.precision == "bfloat16":
        complete["barrier/precision"] = precision_group(run, variants, paths)
    if per_example:
        complete |= example_groups(paths, run.splits)
    return Result("barrier", complete)


def _followed(
    run: Run, alpha: Array, refine: bool, definition: str, per_example: bool
) -> tuple[Paths, tuple[Variant, ...]]:
    """Evaluate every variant of the path, per example too if asked for."""
    splits = run.ends.splits  # before the alignment, so that a wrong model is reported at once
    variants = run.variants(outputs_alone=True)
    for guess, variant in product(run.guesses, variants):
        run.doubt(guess.reason, split=guess.split, variant=variant.name)
    curves = run.follow(variants, alpha, per_example=per_example)
    if refine:
        costs = [metric.as_cost(curves.values(metric)) for metric in curves.metrics]
        peaks = [barrier(alpha, cost, definition)[1] for cost in costs]
        curves = run.insert(variants, curves, around(alpha, np.concatenate(peaks)))
    names = tuple(variant.name for variant in variants)
    return Paths(names, splits, curves, definition), variants


def _add_intervals(groups: Groups, paths: Paths, repeats: int, seed: int) -> None:
    """Add the bounds of barriers and ends of loss and error, and a group with those of curves."""
    each = [intervals(paths, split, repeats, seed) for split in paths.splits]
    heights = np.stack([one.barrier for one in each], axis=-1)
    curves = np.stack([one.curve for one in each], axis=-2)
    over = ("variant", "split")
    band: dict[str, Variable] = paths.coordinates() | paths.alpha()
    for number, metric in enumerate(paths.means):
        name = metric.name
        groups["summary"] |= bounds(
            f"barrier_{name}",
            heights[:, number],
            over,
            metric,
            f"barrier of the {name}",
            f"barrier.{name}",
        )
        both = curves[:, number, 0][..., [0, -1]]
        groups["ends"] |= bounds(name, both, ("split", "end"), metric, name, f"end.{name}")
        band |= bounds(name, curves[:, number], (*over, "alpha"), metric, name)
    groups["band"] = band
