"""Measuring every pair of checkpoints."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LmctoolError, Result, Variable, grid
from lmctool.api.advanced import short_names
from lmctool_plugins.analyses.matrix.kernel import mirrored
from lmctool_plugins.analyses.matrix.summary import SQUARE, barriers, clustering

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lmctool.api import Array, Curves, Run, ScoreMetric, Scores, Variant


PAIR = "{} | {}"
"""What a pair is called, by the names of its checkpoints."""


def network_count(run: Run, points: int, alphas: str | None, **_: object) -> int:
    """Return how many networks are measured: the checkpoints, and those between of each pair."""
    between = run.count_followed(len(grid(points, alphas)))
    return run.count + math.comb(run.count, 2) * between


def measure(run: Run, points: int, alphas: str | None, definition: str, connected: float) -> Result:
    """Measure every pair, and cluster the checkpoints.

    Raises:
        LmctoolError: a checkpoint is named twice, or a stored permutation is to be applied.
        UnjudgedError: every checkpoint answers at chance, or a loss is not a number.
    """
    paths = [checkpoint.path for checkpoint in run.checkpoints[: run.count]]
    _refuse(run, paths)
    alpha = grid(points, alphas)
    ends = run.ends  # before any alignment, so that a wrong model is reported at once
    names = short_names(paths)

    def followed(pair: tuple[int, int]) -> tuple[Curves, Array]:
        variants = run.variants(*pair)
        return run.follow(variants, alpha), _squares(run, variants[0])

    def name(pair: tuple[int, int]) -> str:
        return PAIR.format(*(names[index] for index in pair))

    pairs = run.map(combinations(range(run.count), 2), followed, key=name, description="pairs")
    curves, squares = zip(*pairs, strict=True)
    for guess, dim in product(run.guesses, SQUARE):
        run.doubt(guess.reason, split=guess.split, **{dim: names[guess.end]})
    attributes = {"definition": definition, "batchnorm": run.settings.batchnorm}
    loss, error, *others = run.metrics
    metrics = (error, loss, *others)
    curve = _curves(curves, metrics, names, run.variant_names, ends.splits)
    heights = {
        **{key: curve[key] for key in ("variant", "split")},
        **{dim: _names(dim, names) for dim in SQUARE},
        **barriers(curve, metrics, len(names), definition),
    }
    rule = "average linkage of the error barrier, last variant, first split, cut at the threshold"
    clustered = {"checkpoint": _names("checkpoint", names), **clustering(heights, connected)}
    return Result(
        "matrix",
        {
            "matrix/barrier": Group(heights, attributes),
            "matrix/curve": Group(curve, attributes),
            "matrix/distance": Group(_distances(np.array(squares), names), {"over": "parameters"}),
            "matrix/clusters": Group(clustered, {"threshold": connected, "rule": rule}),
            "matrix/ends": Group(_ends(ends, metrics, names)),
        },
    )


def _refuse(run: Run, paths: Sequence[Path]) -> None:
    if run.settings.apply is not None:
        raise LmctoolError(
            "--apply holds the permutation of one pair, but a matrix has other pairs too; name an"
            " aligner with --align"
        )
    for path, times in Counter(paths).items():
        if times > 1:
            raise LmctoolError(f"checkpoint '{path}' is named twice; name each one once")


def _squares(run: Run, plain: Variant) -> Array:
    """Return the squared norms of A, B and A - B over the parameters: (square,)."""
    names = [name for name in run.checkpoints[0].parameters if name in plain.a]
    return run.squared_norms(plain.a, plain.b, names)


def _curves(
    curves: Sequence[Curves],
    metrics: Sequence[ScoreMetric],
    names: Sequence[str],
    variants: Sequence[str],
    splits: Sequence[str],
) -> dict[str, Variable]:
    """Return the metrics along the path of every pair."""
    pairs = [PAIR.format(first, second) for first, second in combinations(names, 2)]
    place = "position between the first (0) and the second (1)"
    variables = {
        "pair": _names("pair", pairs),
        "variant": _names("variant", variants),
        "split": _names("split", splits),
        "alpha": Variable(curves[0].alpha, ("alpha",), long_name=place),
    }
    for metric in metrics:
        values = np.array([curve.values(metric) for curve in curves])
        variables[metric.name] = metric.variable(values, ("pair", "variant", "split", "alpha"))
    return variables


def _distances(squares: Array, names: Sequence[str]) -> dict[str, Variable]:
    """Return the L2 distances and the symmetric ones, from squared norms (pair, square)."""
    a, b, apart = np.sqrt(squares.T)
    scale = np.sqrt(a) * np.sqrt(b)
    symmetric = np.divide(apart, scale, out=np.full(len(apart), np.nan), where=scale > 0)
    variables = {dim: _names(dim, names) for dim in SQUARE}
    for name, values, meaning in (
        ("l2", apart, "L2 distance, ||A - B||"),
        ("symmetric", symmetric, "symmetric distance, sqrt(||A - B||^2 / (||A|| ||B||))"),
    ):
        square = mirrored(values, len(names))
        variables[name] = Variable(square, SQUARE, "1", meaning, f"matrix.{name}")
    return variables


def _ends(
    scores: Scores, metrics: Sequence[ScoreMetric], names: Sequence[str]
) -> dict[str, Variable]:
    """Return the metrics of the checkpoints themselves."""
    variables = {
        "checkpoint": _names("checkpoint", names),
        "split": _names("split", scores.splits),
    }
    for metric in metrics:
        name = metric.name
        values = scores.values(metric).T
        over = ("checkpoint", "split")
        variables[name] = metric.variable(values, over, metric=f"matrix.end_{name}")
    return variables


def _names(dim: str, names: Sequence[str]) -> Variable:
    return Variable(np.array(names, dtype=object), (dim,), long_name=dim)
