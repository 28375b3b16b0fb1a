"""Measuring every pair of checkpoints."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import (
    Group,
    LmctoolError,
    Result,
    Variable,
    barrier,
    grid,
    held_squared_norms,
    short_names,
)
from lmctool_plugins.analyses.matrix.kernel import clusters, mirrored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.api import Curves, Run, Scores, Variant

    Array = NDArray[np.float64]

SQUARE = ("checkpoint", "other")
UNITS = {"error": "1", "loss": "nat"}


def measure(run: Run, points: int, alphas: str | None, definition: str, connected: float) -> Result:
    """Measure every pair, and cluster the checkpoints.

    Raises:
        LmctoolError: a checkpoint is named twice, or a stored permutation is to be applied.
        UnjudgedError: every checkpoint answers at chance, or a loss is not a number.
    """
    paths = [checkpoint.path for checkpoint in run.checkpoints[: run.count]]
    _refuse(run, paths)
    alpha = grid(points, alphas)
    ends = run.ends  # before any alignment, so that a wrong model is told at once
    curves, squares, variants = [], [], []
    pairs = list(combinations(range(run.count), 2))
    with run.progress(len(pairs), "pairs") as advance:
        for first, second in pairs:
            found = run.variants(first, second)
            variants = [variant.name for variant in found]
            curves.append(run.follow(found, alpha))
            squares.append(_squares(run, found[0]))
            advance(1)
    names = short_names(paths)
    said = {"definition": definition, "batchnorm": run.settings.batchnorm}
    barriers = _barriers(curves, names, variants, ends.splits, definition)
    heights = barriers["error"].values[-1, 0]
    return Result(
        "matrix",
        {
            "matrix/barrier": Group(barriers, said),
            "matrix/curve": Group(_curves(curves, names, variants, ends.splits), said),
            "matrix/distance": Group(_distances(np.array(squares), names), {"over": "parameters"}),
            "matrix/clusters": _clusters(heights, names, connected),
            "matrix/ends": Group(_ends(ends, names)),
        },
    )


def _refuse(run: Run, paths: Sequence[Path]) -> None:
    if run.settings.apply is not None:
        raise LmctoolError(
            "--apply holds the permutation of one pair, but a matrix has other pairs too; name an"
            " aligner with --align"
        )
    for path in paths:
        if paths.count(path) > 1:
            raise LmctoolError(f"checkpoint '{path}' is named twice; name each one once")


def _squares(run: Run, plain: Variant) -> Array:
    """Return the squared norms of A, B and A - B over the parameters: (square,)."""
    names = [name for name in run.checkpoints[0].parameters if name in plain.a]
    found: Array = held_squared_norms([plain.a, plain.b], names).sum(axis=0)
    return found


def _barriers(
    curves: Sequence[Curves],
    names: Sequence[str],
    variants: Sequence[str],
    splits: Sequence[str],
    definition: str,
) -> dict[str, Variable]:
    """Return the barriers, and where they are, of every pair both ways."""
    both = {"variant": _names("variant", variants), "split": _names("split", splits)}
    both |= {dim: _names(dim, names) for dim in SQUARE}
    dims = ("variant", "split", *SQUARE)
    later = np.tri(len(names), k=-1, dtype=bool)
    for metric, unit in UNITS.items():
        values = np.array([getattr(curve, metric) for curve in curves])
        height, at = barrier(curves[0].alpha, values, definition)
        meaning = f"barrier of the {metric}"
        heights = mirrored(np.moveaxis(height, 0, -1), len(names))
        places = mirrored(np.moveaxis(at, 0, -1), len(names), np.nan)
        places = np.where(later, 1 - places, places)  # the same path, from its other end
        both[metric] = Variable(heights, dims, unit, meaning, f"matrix.barrier_{metric}")
        both[f"alpha_{metric}"] = Variable(places, dims, "1", f"alpha of the {meaning}")
    return both


def _curves(
    curves: Sequence[Curves],
    names: Sequence[str],
    variants: Sequence[str],
    splits: Sequence[str],
) -> dict[str, Variable]:
    """Return loss and error along the path of every pair."""
    pairs = [f"{first} | {second}" for first, second in combinations(names, 2)]
    place = "position between the first (0) and the second (1)"
    found = {
        "pair": _names("pair", pairs),
        "variant": _names("variant", variants),
        "split": _names("split", splits),
        "alpha": Variable(curves[0].alpha, ("alpha",), long_name=place),
    }
    for metric, unit in UNITS.items():
        values = np.array([getattr(curve, metric) for curve in curves])
        found[metric] = Variable(values, ("pair", "variant", "split", "alpha"), unit, metric)
    return found


def _distances(squares: Array, names: Sequence[str]) -> dict[str, Variable]:
    """Return the L2 distances and the symmetric ones, from squared norms (pair, square)."""
    a, b, apart = np.sqrt(squares.T)
    scale = np.sqrt(a) * np.sqrt(b)
    symmetric = np.divide(apart, scale, out=np.full(len(apart), np.nan), where=scale > 0)
    found = {dim: _names(dim, names) for dim in SQUARE}
    for name, values, meaning in (
        ("l2", apart, "L2 distance, ||A - B||"),
        ("symmetric", symmetric, "symmetric distance, sqrt(||A - B||^2 / (||A|| ||B||))"),
    ):
        square = mirrored(values, len(names))
        found[name] = Variable(square, SQUARE, "1", meaning, f"matrix.{name}")
    return found


def _clusters(heights: Array, names: Sequence[str], connected: float) -> Group:
    members, order = clusters(heights, connected)
    pairs = np.triu_indices(len(names), 1)
    near = heights[pairs] <= connected
    inside = members[pairs[0]] == members[pairs[1]]
    place = np.argsort(order)
    told = {
        "checkpoint": _names("checkpoint", names),
        "cluster": Variable(members, ("checkpoint",), long_name="cluster"),
        "place": Variable(place, ("checkpoint",), long_name="place in the heat map, from 0"),
    }
    counts = {
        "clusters": (members.max(), "clusters", "matrix.clusters"),
        "connected": (near.mean(), "share of pairs that are connected", "matrix.connected"),
        "apart_inside": ((inside & ~near).sum(), "pairs above the threshold in one cluster", ""),
        "near_outside": ((near & ~inside).sum(), "connected pairs in two clusters", ""),
    }
    told |= {
        name: Variable(np.array(value), (), "1", meaning, metric)
        for name, (value, meaning, metric) in counts.items()
    }
    rule = "average linkage of the error barrier, last variant, first split, cut at the threshold"
    return Group(told, {"threshold": connected, "rule": rule})


def _ends(scores: Scores, names: Sequence[str]) -> dict[str, Variable]:
    """Return loss and error of the checkpoints themselves."""
    found = {
        "checkpoint": _names("checkpoint", names),
        "split": _names("split", scores.splits),
    }
    for metric, unit in UNITS.items():
        values = getattr(scores, metric).T
        over = ("checkpoint", "split")
        found[metric] = Variable(values, over, unit, metric, f"matrix.end_{metric}")
    return found


def _names(dim: str, names: Sequence[str]) -> Variable:
    return Variable(np.array(names, dtype=object), (dim,), long_name=dim)
