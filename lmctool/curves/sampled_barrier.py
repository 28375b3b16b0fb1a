"""The barrier of a curve whose examples are looked at little by little, with an interval.

At each point the rise over the reference is the mean of a difference of single examples, paired
because all points are shown the same ones:

    chord      r_i = L_i - (1 - alpha_i) L_0 - alpha_i L_1
    mean-ends  r_i = L_i - (L_0 + L_1) / 2
    max-end    r_i = min(L_i - L_0, L_i - L_1)

so that simultaneous bands est_i - h_i <= r_i <= est_i + h_i put the barrier max r_i, of all
examples, between max(est_i - h_i) and max(est_i + h_i).  That the greatest of several means is more
often too high than too low is in the bands, which hold at all points at once: half their width is c
standard errors, with P(max |Z_i| > c) what may go wrong, for normal Z_i of the rises' own
correlation.  The target is the split as it is, not other examples.

Of the 5 % that may go wrong ``OUT`` is for points that are left out: one whose paired difference to
the leader is too far below 0, by Bonferroni over all points and looks, is not the maximum, and is
looked at no more.  The interval is of the points that are left, which is the adaptive inequality
selection of Chernozhukov, Lee and Rosen 2013 (Econometrica 81, 667; arXiv:0907.3503).  The looks
end when it is narrow enough, whatever value it has in it; so an interval of one look holds at the
last one too, for widths that are small beside the spread of examples (Chow and Robbins 1965, Ann.
Math. Stat. 36, 457).  For widths that are not, where looks end by chance when the spread looks
small, ``EARLY`` is kept back.

A standard error is sqrt((s2 + (c d)2 / n) (1/n - 1/N)), with the variance s2 of the differences and
d the furthest that one lies from their mean: 1 at least for shares of answers.  The second term is
for what is too rare to be seen: without it, differences of which none was seen yet would have the
interval [0, 0]; with it that of n examples reaches to c2 d / n, as Wilson's of a share does (1927,
J. Am. Stat. Assoc. 22, 209).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmctool.curves.barrier import reference
from lmctool.curves.looks import Looks, bonferroni, correlation, furthest
from lmctool.curves.sample_moments import SampleMoments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.results.array import Array

    Points = NDArray[np.intp]

LEVEL = 0.95
OUT, EARLY = 0.005, 0.01
"""What may go wrong where points are left out, and because the looks end, of all that may."""
DRAWS = 20_000
"""Draws by which the constants of intervals are found."""


def differences(alpha: Array, definition: str) -> Array:
    """Return the rise at each point as a combination of the values at all points.

    Args:
        alpha: (alpha,) rising from 0 to 1.
        definition: which barrier.

    Returns:
        (way, alpha, alpha): the rise at a point is the least of its combinations, one for each way.
    """
    points, count = np.eye(len(alpha)), len(alpha)
    first, last = (
        np.broadcast_to(points[0], points.shape),
        np.broadcast_to(points[-1], points.shape),
    )
    match definition:
        case "chord":
            below = [(1 - alpha[:, None]) * first + alpha[:, None] * last]
        case "mean-ends":
            below = [(first + last) / 2]
        case "max-end":
            below = [first, last]
        case _:
            raise ValueError(f"no definition of a barrier is called {definition!r}")
    return np.stack([points - each for each in below]).reshape(-1, count, count)


@dataclass(frozen=True)
class Question:
    """What is asked of every curve of one grid on one split.

    Attributes:
        alpha: (alpha,) rising from 0 to 1.
        definition: which barrier.
        looks: when the examples are looked at.
        metric: of which of the metrics the interval is to be narrow: its place.
        width: how wide half of it may be.
        least: for each metric, how far an example may lie from the mean, whatever was seen.
        seed: the seed of the draws that constants are found by.
    """

    alpha: Array
    definition: str
    looks: Looks
    metric: int
    width: float
    least: Sequence[float]
    seed: int = 0

    @cached_property
    def ways(self) -> Array:
        """What ``differences`` returns."""
        return differences(self.alpha, self.definition)

    @cached_property
    def drawn(self) -> Array:
        """Independent standard normal numbers, (draw, rise)."""
        rises = self.ways.shape[0] * self.ways.shape[1]
        return np.random.default_rng(self.seed).standard_normal((DRAWS, rises))

    @cached_property
    def leaves_out(self) -> float:
        """How many standard errors below the leader a point is left out."""
        comparisons = (len(self.alpha) - 1) * max(1, len(self.looks.counts) - 1)
        return bonferroni(OUT, comparisons)


class SampledBarrier:
    """One curve of which more and more examples are looked at.

    Attributes:
        counts: (alpha,) how many examples were looked at, of each point.
        looked: how many looks there were.
        done: whether the interval is narrow enough, or all examples were looked at.
    """

    def __init__(self, question: Question) -> None:
        """Begin before the first look."""
        self._question = question
        metrics, count = len(question.least), len(question.alpha)
        ways = question.ways
        self._moves = np.abs(ways).max(axis=-1).reshape(-1) > 0
        self._rows = [SampleMoments(ways.shape[0] * count) for _ in range(metrics)]
        self._sums, self._weights = np.zeros((metrics, count)), np.zeros(count)
        self._active = np.ones(count, dtype=bool)
        self._alike: list[Array] = []
        self._goal = (0.0, 0.0)
        self._constant: tuple[int, float] = (-1, 0.0)
        self.counts = np.zeros(count, dtype=np.int64)
        self.looked, self.done = 0, False

    @property
    def points(self) -> Points:
        """The points that are to be looked at next, the ends among them; none once it is done."""
        return np.flatnonzero(self._active & (not self.done))

    def add(self, values: Array, weights: Array | None = None) -> None:
        """Take the examples between this look and the last one.

        Args:
            values: (metric, point, example) costs at ``points``.
            weights: (example,) how much each counts in a mean; None for all alike.
        """
        question, points = self._question, self.points
        share = np.ones(values.shape[-1]) if weights is None else weights
        counted = np.where(share > 0, values, 0.0)
        self._sums[:, points] += (counted * share).sum(axis=-1)
        self._weights[points] += share.sum()
        self.counts[points] += values.shape[-1]
        rows = self._rows_of(points)
        combined = question.ways[:, points][..., points] @ counted[:, None]
        for own, each in zip(self._rows, combined, strict=True):
            own.add(rows, each.reshape(len(rows), -1), share)
        if not self.looked:
            every = np.arange(len(self._moves))
            self._alike = [correlation(own.covariance(every)) for own in self._rows]
        self.looked += 1
        self._leave_out(points)
        self._goal = self._of_goal()
        narrow = (self._goal[1] - self._goal[0]) / 2 <= question.width
        self.done = narrow or self.looked == len(question.looks.counts)

    @property
    def curve(self) -> Array:
        """The values, (metric, alpha): the reference of all that was looked at, and the rises.

        A point that is looked at no more keeps the rise that it had.
        """
        question, means = self._question, self._sums / self._weights
        below = reference(question.alpha, means, question.definition)
        rises = np.stack([self._least(self._means(own)) for own in self._rows])
        return np.where(self._active, means, below + rises)

    def interval(self) -> Array:
        """Return the bounds of the barriers, (bound, metric)."""
        metrics = range(len(self._rows))
        goal = self._question.metric
        both = [self._goal if metric == goal else self._of_other(metric) for metric in metrics]
        return np.array(both).T

    def _rows_of(self, points: Points) -> Points:
        """Return the numbers of the rows of points, one way after the other."""
        ways = np.arange(len(self._question.ways))
        return (ways[:, None] * len(self._question.alpha) + points).reshape(-1)

    def _means(self, own: SampleMoments) -> Array:
        return np.where(self._moves, own.mean(), 0.0)

    def _least(self, rows: Array) -> Array:
        """Return what the ways have at each point, (alpha,): the least of them."""
        least: Array = rows.reshape(self._question.ways.shape[:2]).min(axis=0)
        return least

    def _leave_out(self, points: Points) -> None:
        """Leave out the points that are not the maximum of what is to be known."""
        question, own = self._question, self._rows[self._question.metric]
        rise = self._least(self._means(own))[points]
        leader = int(rise.argmax())
        covariance = own.covariance(points)  # of the first way: references of others cancel
        spread = np.diag(covariance) + covariance[leader, leader] - 2 * covariance[leader]
        far = self._furthest(question.metric)[points]
        constant = question.leaves_out
        unseen = (constant * np.maximum(far, far[leader])) ** 2 / own.counts[points]
        missing = question.looks.missing(own.counts[points])
        error = np.sqrt(missing * (spread.clip(min=0.0) + unseen))
        out = rise[leader] - rise > constant * error
        out[[leader, 0, -1]] = False  # the ends make the reference
        self._active[points[out]] = False

    def _of_goal(self) -> tuple[float, float]:
        """Return the bounds of the barrier that is to be known, over the points that are left."""
        question = self._question
        left = np.flatnonzero(self._active)
        rows = self._rows_of(left)
        own = self._rows[question.metric]
        if self._constant[0] != len(left):
            alike = correlation(own.covariance(rows[self._moves[rows]]))
            self._constant = len(left), furthest(alike, 1 - LEVEL - OUT - EARLY, question.drawn)
        return self._bounds(question.metric, self._constant[1], left)

    def _of_other(self, metric: int) -> tuple[float, float]:
        """Return the bounds of another barrier, over all points at the last look of each."""
        counts = self._rows[metric].counts
        missing = self._question.looks.missing(counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.minimum(missing[:, None] / missing, missing / missing[:, None])
        apart = np.where(np.equal.outer(counts, counts), 1.0, np.sqrt(np.nan_to_num(apart)))
        alike = (self._alike[metric] * apart)[np.ix_(self._moves, self._moves)]
        constant = furthest(alike, 1 - LEVEL, self._question.drawn)
        return self._bounds(metric, constant, np.arange(len(self._active)))

    def _bounds(self, metric: int, constant: float, points: Points) -> tuple[float, float]:
        """Return the greatest lower and the greatest upper ends of the bands of some points."""
        own = self._rows[metric]
        unseen = (constant * self._furthest(metric)) ** 2 / own.counts
        missing = self._question.looks.missing(own.counts)
        error = np.sqrt(missing * (own.variance() + unseen))
        off = np.where(self._moves, constant * error, 0.0)
        means = self._means(own)
        lower, upper = self._least(means - off), self._least(means + off)
        return float(lower[points].max()), float(upper[points].max())

    def _furthest(self, metric: int) -> Array:
        return self._rows[metric].furthest(self._question.least[metric])
