"""Measuring every pair of checkpoints."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LmctoolError, Result, Variable, grid
from lmctool.api.advanced import (
    Growing,
    Within,
    bounds,
    share_attributes,
    share_group,
    short_names,
)
from lmctool_plugins.analyses.matrix.kernel import mirrored
from lmctool_plugins.analyses.matrix.summary import SQUARE, barriers, clustering

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmctool.api import Array, Curves, Run, ScoreMetric, Scores, Variant
    from lmctool.api.advanced import Sampled


PAIR = "{} | {}"
"""What a pair is called, by the names of its checkpoints."""


def network_count(
    run: Run, points: int, alphas: str | None, *, within: str | None, **_: object
) -> int | None:
    """Return how many networks are measured: the checkpoints, and those between of each pair."""
    if within is not None:
        return None
    between = run.count_followed(len(grid(points, alphas)))
    return run.count + math.comb(run.count, 2) * between


def measure(
    run: Run,
    points: int,
    alphas: str | None,
    definition: str,
    connected: float,
    within: str | None = None,
) -> Result:
    """Measure every pair, and cluster the checkpoints.

    Args:
        run: the run.
        points: evenly spaced points on the path, when none are listed.
        alphas: a comma list of points.
        definition: which barrier.
        connected: the greatest barrier of connected networks.
        within: half the width of an interval by a share of the examples; None for all of them.

    Raises:
        LmctoolError: a checkpoint is named twice, or a stored permutation is to be applied.
        UnjudgedError: every checkpoint answers at chance, or a loss is not a number.
    """
    paths = [checkpoint.path for checkpoint in run.checkpoints[: run.count]]
    _refuse(run, paths)
    alpha = grid(points, alphas)
    growing = None if within is None else Growing(run, Within.of(within), definition)
    # before any alignment, so that a wrong model is reported at once
    ends, guesses = growing.ends() if growing else (run.ends, run.guesses)
    names = short_names(paths)

    def followed(pair: tuple[int, int]) -> tuple[Curves, Array, Sampled | None]:
        variants = run.variants(*pair, outputs_alone=True)
        squares = _squares(run, variants[0])
        if growing is None:
            return run.follow(variants, alpha), squares, None
        curves, sampled = growing.follow(variants, alpha)
        return curves, squares, sampled

    def name(pair: tuple[int, int]) -> str:
        return PAIR.format(*(names[index] for index in pair))

    pairs = run.map(combinations(range(run.count), 2), followed, key=name, description="pairs")
    curves, squares, samples = zip(*pairs, strict=True)
    for guess, dim in product(guesses, SQUARE):
        run.doubt(guess.reason, split=guess.split, **{dim: names[guess.end]})
    attributes: dict[str, str | int | float] = {
        "definition": definition,
        "batchnorm": run.settings.batchnorm,
    }
    estimated = {} if growing is None else share_attributes(growing)
    attributes |= estimated
    metrics = (run.metrics[1], run.metrics[0], *run.metrics[2:])
    curve = _curves(curves, metrics, names, run.variant_names, ends.splits)
    heights = {
        **{key: curve[key] for key in ("variant", "split")},
        **{dim: _names(dim, names) for dim in SQUARE},
        **barriers(curve, metrics, len(names), definition),
    }
    if growing is not None:
        loss, error = growing.ends_at(max(int(each.looks.max()) for each in samples))
        ends = replace(ends, loss=loss, error=error)
        heights |= _intervals(samples, growing, len(names))
    rule = "average linkage of the error barrier, last variant, first split, cut at the threshold"
    clustered = {"checkpoint": _names("checkpoint", names), **clustering(heights, connected)}
    groups = {} if growing is None else {"matrix/share": _share(samples, growing, curve)}
    return Result(
        "matrix",
        {
            "matrix/barrier": Group(heights, attributes),
            "matrix/curve": Group(curve, attributes),
            "matrix/distance": Group(_distances(np.array(squares), names), {"over": "parameters"}),
            "matrix/clusters": Group(
                clustered, {"threshold": connected, "rule": rule, **estimated}
            ),
            "matrix/ends": Group(_ends(ends, metrics, names), estimated),
            **groups,
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


def _intervals(samples: Sequence[Sampled], growing: Growing, count: int) -> dict[str, Variable]:
    """Return the bounds of the barriers of every pair both ways."""
    each = np.stack([sampled.bounds for sampled in samples], axis=-1)
    variables: dict[str, Variable] = {}
    for number, metric in enumerate(growing.metrics):
        name = metric.name
        variables |= bounds(
            name,
            mirrored(each[:, number], count),
            ("variant", "split", *SQUARE),
            metric,
            f"barrier of the {name}",
            f"matrix.barrier_{name}",
        )
    return variables


def _share(samples: Sequence[Sampled], growing: Growing, curve: Mapping[str, Variable]) -> Group:
    """Return how many examples the pairs were measured on."""
    coordinates = {name: curve[name] for name in ("pair", "variant", "split", "alpha")}
    counts = np.array([sampled.counts for sampled in samples])
    return share_group(growing, coordinates, counts, np.array([each.looks for each in samples]))


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
