"""Evaluating the path of every part, each network once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError, Result, grid
from lmctool.api.advanced import Growing, ShapeRule, Within, chance_levels
from lmctool_plugins.analyses.layerwise.kernel import RESTS, Paths, distinct, positions
from lmctool_plugins.analyses.layerwise.networks import networks_of, refuse_nan
from lmctool_plugins.analyses.layerwise.share import add_share, curves_of, grown
from lmctool_plugins.analyses.layerwise.summary import membership, summary

if TYPE_CHECKING:
    from lmctool.api import Array, Run
    from lmctool.api.advanced import Sampled
    from lmctool_plugins.analyses.layerwise.kernel import Cumulative
    from lmctool_plugins.analyses.layerwise.networks import Networks


def measure(
    run: Run,
    points: int,
    alphas: str | None,
    by: str,
    rest: str,
    cumulative: Cumulative,
    definition: str,
    within: str | None = None,
    **thresholds: float,
) -> Result:
    """Evaluate the path of every part and the full path, and the share that each part explains.

    Args:
        run: the run.
        points: evenly spaced points on the path, when none are listed.
        alphas: a comma list of points.
        by: what the parts are.
        rest: the checkpoint, or both, that all other parts are taken from.
        cumulative: whether the parts before or behind a part move too.
        definition: which barrier.
        within: half the width of an interval by a share of the examples; None for all of them.
        thresholds: those of ``ShapeRule``.

    Raises:
        LmctoolError: BatchNorm statistics are to be anything but interpolated.
    """
    if run.settings.batchnorm != "interpolate":
        raise LmctoolError(
            "layerwise interpolates BatchNorm statistics with the part they belong to, so"
            f" --batchnorm {run.settings.batchnorm} has no meaning here; --by kind makes a part of"
            " them alone"
        )
    alpha = grid(points, alphas)
    growing = None if within is None else Growing(run, Within.of(within), definition)
    # before the alignment, so that a wrong model is reported at once
    _ = growing.ends() if growing else run.ends
    rests = ("b", "a") if rest == "both" else (rest,)
    parts = parts_of(run, by)
    variants = run.variants()
    networks = [
        networks_of(variant, list(parts.values()), alpha, rests, cumulative) for variant in variants
    ]
    samples: list[Sampled] = []
    if growing is None:
        rows = [follow(run, each) for each in networks]
    else:
        samples = [grown(growing, each) for each in networks]
        rows = [curves_of(sampled, growing, len(rests)) for sampled in samples]
    assert run.task is not None  # an analysis of curves has data
    known = chance_levels(run.task, run.splits)
    paths = {}
    for name in (metric.name for metric in run.metrics):
        curves, full = map(np.array, zip(*(row[name] for row in rows), strict=True))
        chance = known.get(name, np.full(len(run.splits), np.nan))
        paths[name] = Paths(alpha, rests, curves, full, chance)
    texts = {
        "variant": [variant.name for variant in variants],
        "rest": list(rests),
        "split": [split.name for split in run.splits],
        "part": list(parts),
    }
    how = {"by": by, "cumulative": cumulative, "definition": definition}
    groups = summary(texts, run.metrics, paths, ShapeRule(**thresholds), how)
    groups["layerwise/part"] = membership(parts, run.weights(0))
    if growing is not None:
        add_share(groups, samples, growing)
    return Result("layerwise", groups)


def network_count(
    run: Run,
    by: str,
    points: int,
    alphas: str | None,
    rest: str,
    cumulative: Cumulative,
    within: str | None,
    **_: object,
) -> int | None:
    """Return how many networks are measured where all parts of the checkpoints differ."""
    if within is not None:
        return None
    alpha, parts = grid(points, alphas), parts_of(run, by)
    count, inside = len(parts), {name for names in parts.values() for name in names}
    differ = np.array([True] * count + [any(name not in inside for name in run.weights(0))])
    rests = [RESTS[each] for each in (("b", "a") if rest == "both" else (rest,))]
    curves = [positions(count, alpha, each, cumulative).reshape(-1, count + 1) for each in rests]
    full = np.repeat(alpha[:, None], count + 1, axis=1)
    places = distinct(np.concatenate([*curves, full]), differ)[0]
    aligned_ends = len(run.variant_names) - 1  # of plain it is the checkpoint itself
    return run.count + len(run.variant_names) * (len(places) - 2) + aligned_ends


def parts_of(run: Run, by: str) -> dict[str, list[str]]:
    """Return the names of the tensors of each part; of tied tensors the first name alone."""
    weights = run.weights(0)
    parts = {
        part: [n for n in names if n in weights] for part, names in run.resources.parts(by).items()
    }
    return {part: names for part, names in parts.items() if names}


def follow(run: Run, networks: Networks) -> dict[str, tuple[Array, Array]]:
    """Return the metrics of each part's curve, and of the full path.

    A network that several curves share is evaluated once; the checkpoints' own scores stand for
    networks that equal them.

    Returns:
        For each metric by name: (rest, split, part, alpha), and (split, alpha).

    Raises:
        UnjudgedError: a loss on the way isn't a number.
    """
    paths = {}
    points = len(networks.alpha)
    for name, values in _scores(run, networks).items():
        along = values[:, networks.member]
        own = along[:, :-points].reshape(-1, networks.rests, len(networks.groups) - 1, points)
        paths[name] = own.swapaxes(0, 1), along[:, -points:]
    return paths


def _scores(run: Run, networks: Networks) -> dict[str, Array]:
    """Return the metrics of networks, (split, network); the plain ends are known already."""
    variant = networks.variant
    ends = run.scores(variant.ends)
    end = networks.end
    new = np.flatnonzero(end < 0)
    scores = run.evaluate(networks.of(new), description=f"parts {variant.name}")
    by_metric = {}
    for metric in run.metrics:
        own = ends.values(metric)
        values = np.where(end == 0, own[:, :1], own[:, 1:])
        values[:, new] = scores.values(metric)
        by_metric[metric.name] = values
    for split, losses in zip(scores.splits, by_metric["loss"], strict=True):
        refuse_nan(losses, variant, split)
    return by_metric
