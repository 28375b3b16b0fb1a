"""Measuring every pair of siblings of every fork."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, LazyNetworks, LmctoolError, Result, Variable, grid
from lmctool.api.advanced import short_names
from lmctool_plugins.analyses.instability.summary import STRONG, ends, forked, pair_barriers, stable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmctool.api import Array, Run, ScoreMetric, Weights
    from lmctool.api.advanced import Series

PAIR = "{} | {}"
"""What a pair is called, by the names of its siblings."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two siblings of a fork.

    Attributes:
        step: the step of the fork.
        first: the index of the first sibling of the fork, whose frame its siblings are brought to.
        a: the index of one.
        b: the index of the other, which is named later.
    """

    step: int
    first: int
    a: int
    b: int


def network_count(run: Run, points: int, alphas: str | None, **_: object) -> int:
    """Return how many networks are measured: the siblings, and those between of each pair."""
    alpha = grid(points, alphas)
    pairs = list(_pairs(_in_order(run)))
    apart = sum(pair.a != pair.first for pair in pairs) if _has_strong(run) else 0
    return run.count + len(pairs) * run.count_followed(len(alpha)) + apart * (len(alpha) - 2)


def measure(run: Run, points: int, alphas: str | None, stable: float) -> Result:
    """Measure the path between every two siblings of every fork.

    Raises:
        LmctoolError: two forks are of one step, or a stored permutation is to be applied.
        UnjudgedError: every sibling answers at chance, or a loss is not a number.
    """
    forks = _in_order(run)
    _refuse(run, forks)
    alpha = grid(points, alphas)
    _ = run.ends  # before any alignment, so that a wrong model is reported at once
    names = short_names([checkpoint.path for checkpoint in run.checkpoints[: run.count]])
    pairs = list(_pairs(forks))
    labels = [PAIR.format(names[pair.a], names[pair.b]) for pair in pairs]
    named = dict(zip(pairs, labels, strict=True))
    measured = run.map(
        pairs, partial(_followed, run, alpha), key=named.__getitem__, description="pairs"
    )
    for guess in run.guesses:
        run.doubt(guess.reason, split=guess.split)
    loss, error, *others = run.metrics
    metrics = (error, loss, *others)
    ordered = [names[index] for fork in forks for index in fork.indices]
    path = {
        "pair": _names("pair", labels),
        "fork": Variable(
            np.array([pair.step for pair in pairs]), ("pair",), long_name="step of the fork"
        ),
        "variant": _names("variant", _variants(run)),
        "split": _names("split", run.ends.splits),
        "alpha": Variable(
            alpha, ("alpha",), long_name="position between the first (0) and the second (1)"
        ),
        **_curves(metrics, measured),
    }
    return _result(run, path, metrics, ordered, stable)


def _result(
    run: Run,
    path: dict[str, Variable],
    metrics: Sequence[ScoreMetric],
    siblings: Sequence[str],
    bound: float,
) -> Result:
    """Return the result that paths make."""
    attributes = {"definition": "mean-ends", "batchnorm": run.settings.batchnorm}
    curve = forked(path, metrics)
    dims = {name: path[name] for name in ("variant", "split")}
    interval = "95 %, jackknife over siblings, Student's t, within what can be; none of two"
    rule = "error instability below the threshold there and at every later fork"
    return Result(
        "instability",
        {
            "instability/curve": Group({**dims, **curve}, {**attributes, "interval": interval}),
            "instability/stable": Group(
                {**dims, **stable(curve, bound)}, {"threshold": bound, "rule": rule}
            ),
            "instability/pairs": Group(
                {
                    **{name: path[name] for name in ("pair", "fork", "variant", "split")},
                    **pair_barriers(path, metrics),
                },
                attributes,
            ),
            "instability/path": Group(path, attributes),
            "instability/ends": Group(
                {
                    "sibling": _names("sibling", siblings),
                    "split": path["split"],
                    **ends(path, metrics),
                }
            ),
        },
    )


def _in_order(run: Run) -> list[Series]:
    """Return the forks by rising step, whatever the order of the arguments."""
    return sorted(run.series, key=lambda fork: fork.steps[0])


def _pairs(forks: Sequence[Series]) -> Iterator[Pair]:
    for fork in forks:
        for a, b in combinations(fork.indices, 2):
            yield Pair(fork.steps[0], fork.indices[0], a, b)


def _refuse(run: Run, forks: Sequence[Series]) -> None:
    """Refuse what has no answer, and tell what lies in folders and is no sibling."""
    if run.settings.apply is not None:
        raise LmctoolError(
            "--apply holds the permutation of one pair, but forks have other pairs too; name an"
            " aligner with --align"
        )
    for one, other in pairwise(forks):
        if one.steps[0] == other.steps[0]:
            raise LmctoolError(
                f"'{one.path}' and '{other.path}' are both forks of step {one.steps[0]}; siblings"
                " of one network belong into one folder or pattern, and those of others into a run"
                " of their own"
            )
    for fork in forks:
        for sentence in fork.passed_over:
            run.note(sentence)


def _has_strong(run: Run) -> bool:
    """Whether one permutation of each sibling is something else than one of each pair."""
    return run.settings.aligns and any(len(fork.indices) > 2 for fork in run.series)


def _variants(run: Run) -> tuple[str, ...]:
    return (*run.variant_names, *([STRONG] if _has_strong(run) else []))


def _followed(run: Run, alpha: Array, pair: Pair) -> list[Array]:
    """Return (variant, split, alpha) values of each metric along the paths of a pair."""
    curves = run.follow(run.variants(pair.a, pair.b, outputs_alone=True), alpha)
    values = [curves.values(metric) for metric in run.metrics]
    if not _has_strong(run):
        return values
    if pair.a == pair.first:  # one permutation of the pair is the one into the first's frame
        aligned = run.variant_names.index("align")
        return [np.concatenate([own, own[aligned : aligned + 1]]) for own in values]
    a, b = (_in_frame(run, pair.first, index) for index in (pair.a, pair.b))
    networks = LazyNetworks(partial(run.batchnorm.mix, a, b), alpha[1:-1].tolist())
    scores = run.evaluate(networks, description="one frame")
    whole = []
    for metric, own in zip(run.metrics, values, strict=True):
        start, end = own[:1, :, :1], own[:1, :, -1:]  # a permutation leaves the function as it was
        inner = scores.values(metric)[None]
        whole.append(np.concatenate([own, np.concatenate([start, inner, end], axis=-1)]))
    return whole


def _in_frame(run: Run, first: int, index: int) -> Weights:
    """Return a sibling in the frame of the first one."""
    own = run.weights(index)
    return run.align(run.weights(first), own).apply(run.frame(own))


def _curves(
    metrics: Sequence[ScoreMetric], measured: Sequence[Sequence[Array]]
) -> dict[str, Variable]:
    """Return the metrics along the path of every pair; those of a run are loss, error, others."""
    loss, error, *others = (np.array(own) for own in zip(*measured, strict=True))
    dims = ("pair", "variant", "split", "alpha")
    return {
        metric.name: metric.variable(values, dims)
        for metric, values in zip(metrics, (error, loss, *others), strict=True)
    }


def _names(dim: str, names: Sequence[str]) -> Variable:
    return Variable(np.array(names, dtype=object), (dim,), long_name=dim)
