"""Evaluating every variant of the path, and taking its barriers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Result, Variable, barrier, grid, partitions
from lmctool.api.advanced import around
from lmctool_plugins.analyses.barrier.baselines import baseline_groups, check_classes
from lmctool_plugins.analyses.barrier.intervals import LEVEL, bounds, intervals
from lmctool_plugins.analyses.barrier.measured import UNITS, Measured
from lmctool_plugins.analyses.barrier.parts import part_group
from lmctool_plugins.analyses.barrier.singly import example_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.api import Run

    Array = NDArray[np.float64]
    Groups = dict[str, dict[str, Variable]]


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
    """
    members = partitions(run.splits, by_split, scores)
    if baselines:
        check_classes(run)
    singly = bool(members) or bootstrap is not None or baselines or per_example
    found = _followed(run, grid(points, alphas), refine, definition, singly)
    said: dict[str, str | int | float] = {
        "definition": definition,
        "batchnorm": run.settings.batchnorm,
    }
    groups = _groups(found)
    if bootstrap is not None:
        said |= {"bootstrap": bootstrap, "level": LEVEL}
        _add_intervals(groups, found, bootstrap, run.settings.seed)
    complete = {f"barrier/{name}": Group(held, said) for name, held in groups.items()}
    if members:
        complete["barrier/parts"] = part_group(found, members, bootstrap, run.settings.seed)
    if baselines:
        complete |= baseline_groups(run, found)
    if per_example:
        complete |= example_groups(found, run.splits)
    return Result("barrier", complete)


def _followed(run: Run, alpha: Array, refine: bool, definition: str, singly: bool) -> Measured:
    """Evaluate every variant of the path, per example too if ``singly``."""
    splits = run.ends.splits  # before the alignment, so that a wrong model is told at once
    variants = run.variants()
    curves = run.follow(variants, alpha, per_example=singly)
    if refine:
        peaks = [barrier(alpha, curve, definition)[1] for curve in (curves.loss, curves.error)]
        curves = run.insert(variants, curves, around(alpha, np.concatenate(peaks)))
    return Measured(tuple(variant.name for variant in variants), splits, curves, definition)


def _groups(found: Measured) -> Groups:
    """Return the curves, the barriers and the ends."""
    names = found.coordinates()
    curve = names | found.alpha()
    summary = dict(names)
    ends = {
        "split": names["split"],
        "end": Variable(np.array(["a", "b"], dtype=object), ("end",), long_name="checkpoint"),
    }
    over = ("variant", "split")
    for name, unit in UNITS.items():
        values = found.values(name)
        height, at = found.barriers(values)
        curve[name] = Variable(values, (*over, "alpha"), unit, name)
        ends[name] = Variable(values[0][:, [0, -1]], ("split", "end"), unit, name, f"end.{name}")
        meaning = f"barrier of the {name}"
        summary[f"barrier_{name}"] = Variable(height, over, unit, meaning, f"barrier.{name}")
        summary[f"alpha_{name}"] = Variable(at, over, "1", f"alpha of the {meaning}")
    return {"curve": curve, "summary": summary, "ends": ends}


def _add_intervals(groups: Groups, found: Measured, repeats: int, seed: int) -> None:
    """Add the bounds of barriers and ends, and a group with those of the curves."""
    each = [intervals(found, split, repeats, seed) for split in found.splits]
    heights = np.stack([one.barrier for one in each], axis=-1)
    curves = np.stack([one.curve for one in each], axis=-2)
    over = ("variant", "split")
    band: dict[str, Variable] = found.coordinates() | found.alpha()
    for number, (name, unit) in enumerate(UNITS.items()):
        told = f"barrier of the {name}"
        groups["summary"] |= bounds(
            f"barrier_{name}", heights[:, number], over, unit, told, f"barrier.{name}"
        )
        ends = curves[:, number, 0][..., [0, -1]]
        groups["ends"] |= bounds(name, ends, ("split", "end"), unit, name, f"end.{name}")
        band |= bounds(name, curves[:, number], (*over, "alpha"), unit, name)
    groups["band"] = band
