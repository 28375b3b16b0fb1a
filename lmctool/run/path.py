"""Loss and error along variants of a path."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from lmctool.errors import UnjudgedError
from lmctool.evaluate.scores import Scores
from lmctool.results.score_metric import ERROR, LOSS, ScoreMetric
from lmctool.weights.lazy_networks import LazyNetworks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from lmctool.run.variant import Variant
    from lmctool.weights.arithmetic import Weights

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curves:
    """What was measured along a path, ends included.

    Attributes:
        alpha: (alpha,) rising from 0 to 1.
        loss: (variant, split, alpha) mean loss of an example.
        error: (variant, split, alpha) mean error of an example.
        losses: for each split (variant, alpha, example) when asked per example, else empty.
        errors: the error of each example, likewise.
        weights: for each split (example,) how much each example counts in a mean, when asked per
            example and where the task weighs them, else empty.
        more: other scores by name, (variant, split, alpha) each.
        metrics: what was measured: loss, error, and the others in the order that the user named.
    """

    alpha: Array
    loss: Array
    error: Array
    losses: dict[str, Array] = field(default_factory=dict)
    errors: dict[str, Array] = field(default_factory=dict)
    weights: dict[str, Array] = field(default_factory=dict)
    more: dict[str, Array] = field(default_factory=dict)
    metrics: tuple[ScoreMetric, ...] = (LOSS, ERROR)

    def values(self, metric: ScoreMetric) -> Array:
        """Return the (variant, split, alpha) values of one metric."""
        return {"loss": self.loss, "error": self.error, **self.more}[metric.name]


class Evaluate(Protocol):
    """Measures networks on the splits that the user asked for."""

    def __call__(
        self, networks: Iterable[Weights], *, per_example: bool, description: str
    ) -> Scores:
        """Return their scores."""


def follow(
    evaluate: Evaluate,
    ends: Scores,
    variants: Sequence[Variant],
    alpha: Array,
    *,
    per_example: bool,
    ending_alike: Collection[int] = (),
) -> Curves:
    """Return the curves of variants that join two checkpoints.

    The first value of each is that of the first checkpoint itself; the last one is evaluated once
    for all variants that end in the same network.

    Args:
        evaluate: measures networks.
        ends: the scores of the two checkpoints, per example if these are asked for.
        variants: the variants.
        alpha: (alpha,) rising from 0 to 1.
        per_example: keep the loss and error of each example.
        ending_alike: the places of variants, beside the first, that have the scores of the second
            checkpoint at their end.

    Raises:
        UnjudgedError: a loss on the way isn't a number.
    """
    alike = (variants[number].b for number in {0, *ending_alike})
    last = {id(network): (ends, slice(1, None)) for network in alike}
    rows = []
    for variant in variants:
        points = alpha[1:-1] if id(variant.b) in last else alpha[1:]
        inner = scores_along(evaluate, variant, points, "path", per_example)
        end = last.setdefault(id(variant.b), (inner, slice(-1, None)))
        inside = slice(0, len(alpha) - 2)
        rows.append([(ends, slice(0, 1)), (inner, inside), end])
    return _curves(alpha, rows, per_example)


def insert(evaluate: Evaluate, variants: Sequence[Variant], curves: Curves, alpha: Array) -> Curves:
    """Return curves with more points, evaluated and put in their places.

    Args:
        evaluate: measures networks.
        variants: the variants that the curves belong to.
        curves: what is there already.
        alpha: (alpha,) new positions strictly between 0 and 1.

    Raises:
        UnjudgedError: a loss on the way isn't a number.
    """
    per_example = bool(curves.losses)
    rows = [
        [(scores_along(evaluate, variant, alpha, "refine", per_example), slice(None))]
        for variant in variants
    ]
    new = _curves(alpha, rows, per_example)
    whole = np.concatenate([curves.alpha, alpha])
    order = np.argsort(whole, kind="stable")

    def merged(old: Array, added: Array, axis: int) -> Array:
        return np.concatenate([old, added], axis=axis).take(order, axis=axis)

    return Curves(
        whole[order],
        merged(curves.loss, new.loss, 2),
        merged(curves.error, new.error, 2),
        {name: merged(values, new.losses[name], 1) for name, values in curves.losses.items()},
        {name: merged(values, new.errors[name], 1) for name, values in curves.errors.items()},
        curves.weights,
        {name: merged(values, new.more[name], 2) for name, values in curves.more.items()},
        curves.metrics,
    )


def _curves(alpha: Array, rows: list[list[tuple[Scores, slice]]], per_example: bool) -> Curves:
    """Return curves whose points are some networks of scores, one row of them a variant."""
    any_scores = rows[0][0][0]
    names = any_scores.splits if per_example else ()

    def joined(values: Callable[[Scores], Array], axis: int) -> Array:
        """Put the networks of each row one after the other along an axis."""
        return np.array(
            [
                np.concatenate([np.moveaxis(values(s), axis, 0)[part] for s, part in row])
                for row in rows
            ]
        )

    return Curves(
        alpha,
        joined(lambda scores: scores.loss, 1).swapaxes(1, 2),
        joined(lambda scores: scores.error, 1).swapaxes(1, 2),
        {name: joined(partial(_of_examples, "losses", name), 0) for name in names},
        {name: joined(partial(_of_examples, "errors", name), 0) for name in names},
        dict(any_scores.weights) if per_example else {},
        {
            metric.name: joined(partial(Scores.values, metric=metric), 1).swapaxes(1, 2)
            for metric in any_scores.metrics[2:]
        },
        any_scores.metrics,
    )


def _of_examples(what: Literal["losses", "errors"], split: str, scores: Scores) -> Array:
    """Return the (network, example) values of one split."""
    values: Array = getattr(scores, what)[split]
    return values


def scores_along(
    evaluate: Evaluate, variant: Variant, alpha: Array, stage: str, per_example: bool
) -> Scores:
    """Return the scores of a variant at alphas.

    Args:
        evaluate: measures networks.
        variant: the variant.
        alpha: (alpha,) positions on it.
        stage: what the progress bar says beside its name.
        per_example: keep the loss and error of each example.

    Raises:
        UnjudgedError: a loss isn't a number.
    """
    scores = evaluate(
        LazyNetworks(variant.at, map(float, alpha), variant.recipe),
        per_example=per_example,
        description=f"{stage} {variant.name}",
    )
    for split, losses in zip(scores.splits, scores.loss, strict=True):
        if np.isnan(losses).any():
            place = alpha[np.isnan(losses)][0]
            raise UnjudgedError(
                f"the network at alpha {place:.4g} of variant {variant.name!r} has a loss that is"
                f" not a number on split {split!r}, so its path cannot be judged"
            )
    return scores
