"""Barriers that a growing share of the examples tells, each until its interval is narrow enough."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.curves.looks import Looks
from lmctool.curves.sampled_barrier import Question, SampledBarrier
from lmctool.data.drawn_order import drawn_order
from lmctool.errors import LmctoolError
from lmctool.evaluate.chance import at_chance
from lmctool.run.path import Curves, scores_along

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lmctool.curves.within import Within
    from lmctool.data.split import Split
    from lmctool.evaluate.chance import Guess
    from lmctool.evaluate.scores import Scores
    from lmctool.results.array import Array
    from lmctool.results.score_metric import ScoreMetric
    from lmctool.run.run import Run
    from lmctool.run.variant import Variant

    Numbers = NDArray[np.intp]
    Measure = Callable[[Numbers, Split], Scores]


class GrowingShare:
    """The examples of one split in the order in which they are looked at.

    Attributes:
        split: the split.
        order: (example,) positions among its examples.
        looks: how many of them each look is at.
    """

    def __init__(self, split: Split, seed: int) -> None:
        """Draw the order.

        Args:
            split: the split.
            seed: what decides the order, with the split's name.
        """
        targets = split.targets.cpu().numpy()
        self.split = split
        self.order = drawn_order(targets, split.classes, f"{seed}:{split.name}")
        self.looks = Looks.of(len(split))
        self._blocks: list[Split] = []

    def block(self, look: int) -> Split:
        """Return the examples that a look, counted from 0, has beside those of the one before."""
        while len(self._blocks) <= look:
            begin, end = (0, *self.looks.counts)[len(self._blocks) :][:2]
            self._blocks.append(self.split.part(np.sort(self.order[begin:end])))
        return self._blocks[look]


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What a share of the examples told of curves, on several splits.

    Attributes:
        values: (metric, curve, split, alpha) loss and error; see ``SampledBarrier.curve``.
        counts: (curve, split, alpha) how many examples each value is of.
        bounds: (bound, metric, curve, split) the lower and the upper bounds of the barriers.
        looks: (curve, split) how many looks there were.
    """

    values: Array
    counts: NDArray[np.int64]
    bounds: Array
    looks: NDArray[np.int64]


class Growing:
    """Measures curves of a run on shares of its splits.

    Attributes:
        run: the run.
        within: how narrow the intervals are to be.
        definition: which barrier.
        passes: how many examples went through networks.
        passes_of_all: how many would have, had all networks been shown all examples.
    """

    def __init__(self, run: Run, within: Within, definition: str) -> None:
        """Begin before the first look.

        Raises:
            LmctoolError: what is to be measured is no mean over examples, or is measured several
                times over.
        """
        self.run, self.within, self.definition = run, within, definition
        self.passes = self.passes_of_all = 0
        _refuse(run, within)

    @cached_property
    def shares(self) -> tuple[GrowingShare, ...]:
        """The growing share of each split that the user asked for."""
        seed = self.run.settings.subset_seed
        return tuple(GrowingShare(split, seed) for split in self.run.splits)

    @property
    def metrics(self) -> tuple[ScoreMetric, ...]:
        """Loss and error."""
        return self.run.metrics[:2]

    def ends(self) -> tuple[Scores, tuple[Guess, ...]]:
        """Look at the checkpoints on the examples of the first look.

        Where one seems to answer at chance, all examples tell.

        Returns:
            The scores of the checkpoints that are arguments, and those at chance.

        Raises:
            UnjudgedError: every one of them answers at chance, or its loss isn't a number.
            LmctoolError: networks answer differently each time.
        """
        run = self.run
        run.evaluator.settled(run.splits[0])  # by all examples, as without a share
        blocks = [share.block(0) for share in self.shares]
        scores = run.scores(range(1 if run.left_out else run.count), blocks)
        if run.strategy is not None and run.strategy.stochastic:
            raise LmctoolError(
                "--within has no meaning for a model that answers differently each time; leave it"
                " out, or --allow-stochastic"
            )
        assert run.task is not None  # what has splits has a task
        rows = zip(blocks, scores.error, scores.loss, strict=True)
        if not np.isfinite(scores.loss).all() or any(
            at_chance(run.task, block, error, loss).any() for block, error, loss in rows
        ):
            return run.ends, run.guesses
        return scores, ()

    def ends_at(self, look: int) -> tuple[Array, Array]:
        """Return loss and error of the checkpoints on the examples of some looks, as costs were.

        Args:
            look: how many looks; all there are, where these are fewer.

        Returns:
            (split, checkpoint) each.
        """
        rows: list[Array] = []
        for share in self.shares:
            blocks = [share.block(n) for n in range(min(look, len(share.looks.counts)))]
            each = [self.run.scores(range(self.run.count), [block]) for block in blocks]
            name = share.split.name
            weights = [s.weights.get(name, np.ones(s.losses[name].shape[1])).sum() for s in each]
            means = np.stack([[s.loss[0], s.error[0]] for s in each])
            rows.append(np.average(means, axis=0, weights=weights))
        loss, error = np.stack(rows, axis=1)
        return loss, error

    def grown(self, alpha: Array, members: Sequence[Numbers], measure: Measure) -> Sampled:
        """Return what shares of the examples tell of curves of networks.

        Args:
            alpha: (alpha,) rising from 0 to 1.
            members: for each curve (alpha,) the numbers of its networks; curves may share some.
            measure: returns the scores of networks by number on a block, per example.
        """
        found = [self._on(share, alpha, members, measure) for share in self.shares]

        def stacked(what: Callable[[SampledBarrier], object], dtype: type, axis: int) -> Array:
            """Put the curves of each split into one array, and the splits beside each other."""
            rows: list[Array] = [
                np.array([what(curve) for curve in row], dtype=dtype) for row in found
            ]
            return np.stack(rows, axis=axis)

        values = np.moveaxis(stacked(lambda curve: curve.curve, float, 1), 2, 0)
        bounds = stacked(SampledBarrier.interval, float, 1)
        for number, metric in enumerate(self.metrics):
            values[number] = metric.as_cost(values[number])
        return Sampled(
            values,
            stacked(lambda curve: curve.counts, int, 1).astype(np.int64),
            np.moveaxis(bounds, (2, 3), (0, 1)),
            stacked(lambda curve: curve.looked, int, 1).astype(np.int64),
        )

    def follow(self, variants: Sequence[Variant], alpha: Array) -> tuple[Curves, Sampled]:
        """Return loss and error of variants of one pair, as ``run.follow`` does, by a share each.

        Args:
            variants: the variants.
            alpha: (alpha,) rising from 0 to 1.

        Raises:
            UnjudgedError: a loss on the way isn't a number.
        """
        self.run.ends_shared |= self.run.permuted_alike
        places = _Places(self.run, variants, alpha)
        sampled = self.grown(alpha, places.members, places.measure)
        loss, error = sampled.values
        return Curves(alpha, loss, error, metrics=self.metrics), sampled

    def _on(
        self, share: GrowingShare, alpha: Array, members: Sequence[Numbers], measure: Measure
    ) -> list[SampledBarrier]:
        question = self._question(share, alpha)
        curves = [SampledBarrier(question) for _ in members]
        self.passes_of_all += len(np.unique(np.concatenate(members))) * len(share.split)
        for look in range(len(share.looks.counts)):
            wanted = [own[curve.points] for curve, own in zip(curves, members, strict=True)]
            numbers = np.unique(np.concatenate(wanted))
            if len(numbers) == 0:
                break
            block = share.block(look)
            self.passes += len(numbers) * len(block)
            scores = measure(numbers, block)
            values, weights = self._costs(scores, block.name), scores.weights.get(block.name)
            for curve, own in zip(curves, wanted, strict=True):
                if len(own):
                    curve.add(values[:, np.searchsorted(numbers, own)], weights)
        return curves

    def _question(self, share: GrowingShare, alpha: Array) -> Question:
        return Question(
            alpha,
            self.definition,
            share.looks,
            [metric.name for metric in self.metrics].index(self.within.metric),
            self.within.width,
            [1.0 if metric.of_answers else 0.0 for metric in self.metrics],
            self.run.settings.seed,
        )

    def _costs(self, scores: Scores, split: str) -> Array:
        """Return the costs of each example, (metric, network, example) float64."""
        pairs = zip(self.metrics, (scores.losses, scores.errors), strict=True)
        return np.stack([metric.as_cost(each[split].astype(float)) for metric, each in pairs])


class _Places:
    """The networks of variants of one pair by number: the checkpoints, then those between.

    Attributes:
        members: for each variant (alpha,) the numbers of its networks.
    """

    def __init__(self, run: Run, variants: Sequence[Variant], alpha: Array) -> None:
        self._run, self._variants = run, variants
        self._of: list[tuple[int, float]] = [(-1, 0.0), (-1, 1.0)]
        self.members: list[Numbers] = []
        alike = {0, *run.ending_alike(variants)}
        lasts = {id(variants[number].b): 1 for number in alike}
        for number, variant in enumerate(variants):
            begin = len(self._of)
            self._of += [(number, float(place)) for place in alpha[1:-1]]
            inner = range(begin, len(self._of))
            if id(variant.b) not in lasts:
                lasts[id(variant.b)] = len(self._of)
                self._of.append((number, 1.0))
            self.members.append(np.array([0, *inner, lasts[id(variant.b)]]))

    def measure(self, numbers: Numbers, block: Split) -> Scores:
        """Return the scores of networks on a block, per example, in the order of their numbers."""
        name = block.name
        parts: list[Scores] = []
        owners = np.array([self._of[number][0] for number in numbers])
        for owner in np.unique(owners):
            places = [self._of[number][1] for number in numbers[owners == owner]]
            parts.append(self._scores(int(owner), np.array(places), block))
        losses, errors = (
            np.concatenate([getattr(part, what)[name] for part in parts])
            for what in ("losses", "errors")
        )
        return replace(parts[0], losses={name: losses}, errors={name: errors})

    def _scores(self, owner: int, places: Array, block: Split) -> Scores:
        if owner < 0:
            ends = self._variants[0].ends
            return self._run.scores([ends[int(place)] for place in places], [block])
        evaluate = partial(self._run.evaluate, splits=[block])
        return scores_along(evaluate, self._variants[owner], places, "share", per_example=True)


def _refuse(run: Run, within: Within) -> None:
    """Refuse what a share of the examples tells nothing of.

    Raises:
        LmctoolError: it is asked for.
    """
    if run.settings.score:
        raise LmctoolError(
            f"--score {run.settings.score[0]} is no mean over examples, so a share of them gives it"
            " no interval; leave it out, or --within"
        )
    if run.task is not None and run.task.of_split is not None:
        raise LmctoolError(
            f"loss and error of task {run.task_name!r} depend on all examples of a split, so a"
            " share of them tells neither; leave --within out"
        )
    if run.settings.draws > 1:
        raise LmctoolError(
            "an average over the draws of --repeat has no interval by --within; leave one of the"
            " two out"
        )
    within.check(run.metrics[0 if within.metric == "loss" else 1])
