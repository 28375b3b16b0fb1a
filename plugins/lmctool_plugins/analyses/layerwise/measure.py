"""Evaluating the path of every part, each network once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError, Result, UnjudgedError, grid
from lmctool.api.advanced import Partwise, ShapeRule, chance_levels
from lmctool_plugins.analyses.layerwise.kernel import RESTS, Paths, differing, distinct, positions
from lmctool_plugins.analyses.layerwise.summary import membership, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, Run, Variant
    from lmctool_plugins.analyses.layerwise.kernel import Cumulative


def measure(
    run: Run,
    points: int,
    alphas: str | None,
    by: str,
    rest: str,
    cumulative: Cumulative,
    definition: str,
    **thresholds: float,
) -> Result:
    """Evaluate the path of every part and the full path, and the share that each part explains.

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
    _ = run.ends  # before the alignment, so that a wrong model is reported at once
    rests = ("b", "a") if rest == "both" else (rest,)
    parts = parts_of(run, by)
    variants = run.variants()
    rows = [
        follow(run, variant, list(parts.values()), alpha, rests, cumulative) for variant in variants
    ]
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
    return Result("layerwise", groups)


def network_count(
    run: Run,
    by: str,
    points: int,
    alphas: str | None,
    rest: str,
    cumulative: Cumulative,
    **_: object,
) -> int:
    """Return how many networks are measured where all parts of the checkpoints differ."""
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


def follow(
    run: Run,
    variant: Variant,
    parts: Sequence[Sequence[str]],
    alpha: Array,
    rests: Sequence[str],
    cumulative: Cumulative,
) -> dict[str, tuple[Array, Array]]:
    """Return the metrics of each part's curve, and of the full path.

    A network that several curves share is evaluated once; the checkpoints' own scores stand for
    networks that equal them.

    Returns:
        For each metric by name: (rest, split, part, alpha), and (split, alpha).

    Raises:
        UnjudgedError: a loss on the way isn't a number.
    """
    count = len(parts)
    inside = {name for names in parts for name in names}
    groups = [*parts, [name for name in variant.a if name not in inside]]
    curves = [positions(count, alpha, RESTS[rest], cumulative) for rest in rests]
    full = np.repeat(alpha[:, None], count + 1, axis=1)
    differ = differing(variant.a, variant.b, groups)
    places = np.concatenate([*(each.reshape(-1, count + 1) for each in curves), full])
    networks, member = distinct(places, differ)
    scores = _scores(run, variant, groups, networks, differ)
    paths = {}
    for name, values in scores.items():
        along = values[:, member]
        own = along[:, : -len(alpha)].reshape(-1, len(rests), count, len(alpha))
        paths[name] = own.swapaxes(0, 1), along[:, -len(alpha) :]
    return paths


def _scores(
    run: Run,
    variant: Variant,
    groups: Sequence[Sequence[str]],
    networks: Array,
    differ: NDArray[np.bool_],
) -> dict[str, Array]:
    """Return the metrics of networks, (split, network); the plain ends are known already."""
    ends = run.scores(variant.ends)
    at_a = (networks[:, differ] == 0).all(axis=1)
    at_b = (networks[:, differ] == 1).all(axis=1) & (variant.name == "plain") & ~at_a
    new = np.flatnonzero(~at_a & ~at_b)
    scores = run.evaluate(
        Partwise(variant.a, variant.b, groups, networks[new]),
        description=f"parts {variant.name}",
    )
    by_metric = {}
    for metric in run.metrics:
        own = ends.values(metric)
        values = np.where(at_a, own[:, :1], own[:, 1:])
        values[:, new] = scores.values(metric)
        by_metric[metric.name] = values
    for split, losses in zip(scores.splits, by_metric["loss"], strict=True):
        if np.isnan(losses).any():
            raise UnjudgedError(
                f"a network between the two checkpoints (variant {variant.name!r}) has a loss that"
                f" is not a number on split {split!r}, so its parts cannot be judged"
            )
    return by_metric
