"""One run of one analysis: what is done with its checkpoints, model and data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from lmctool import statistics
from lmctool.errors import LmctoolError
from lmctool.evaluate import Scores, shared_prefix
from lmctool.evaluate.chance import check_ends
from lmctool.evaluate.evaluator import Scoring
from lmctool.evaluate.threads import workers
from lmctool.graph.targets import Kind, Target, batchnorms, targets
from lmctool.plugin.progress import silent
from lmctool.run import alignment, batchnorm, path, variant
from lmctool.run.resources import Prepared
from lmctool.weights.partwise import Partwise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.evaluate.strategy import Strategy
    from lmctool.plugin.kinds import Analysis
    from lmctool.plugin.progress import Progress
    from lmctool.plugin.settings import Settings
    from lmctool.results.journal import Units
    from lmctool.results.result import Group
    from lmctool.run.path import Curves
    from lmctool.run.variant import Variant
    from lmctool.statistics import CrossMoments, Goal, Moments, PairedMoments
    from lmctool.statistics.journalled import Statistics
    from lmctool.symmetry import Permutation, Proof
    from lmctool.symmetry.spec import Tap

Weights = Mapping[str, Tensor]

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")

CROSS_BATCH = 100
"""Examples whose activations at every tap are held at once; the correlations don't depend on it."""


def computing(
    method: Callable[Concatenate[Run, Arguments], Value],
) -> Callable[Concatenate[Run, Arguments], Value]:
    """Let a method of Run do its work in the arithmetic of the run."""

    @wraps(method)
    def wrapped(run: Run, /, *arguments: Arguments.args, **options: Arguments.kwargs) -> Value:
        with run.computing():
            return method(run, *arguments, **options)

    return wrapped


class Run(Prepared):
    """One run of one analysis, with everything it may ask for.

    Attributes:
        permutations: each alignment made so far, with its proof.
        findings: groups by path that an aligner or a correction adds to the result.
    """

    def __init__(
        self,
        name: str,
        analysis: Analysis,
        settings: Settings,
        progress: Progress = silent,
        note: Callable[[str], None] = lambda _: None,
        units: Units | None = None,
    ) -> None:
        """Open and resolve all that the analysis needs.

        Raises:
            LmctoolError: something named isn't there, can't be read, or doesn't fit together.
        """
        super().__init__(name, analysis, settings, progress, note, units)
        self.permutations: list[tuple[Permutation, Proof]] = []
        self.findings: dict[str, Group] = {}

    @computing
    def evaluate(
        self,
        networks: Iterable[Weights],
        splits: Sequence[Split] = (),
        *,
        count: int | None = None,
        per_example: bool = False,
        description: str = "evaluate",
    ) -> Scores:
        """Return loss and error of every network on every split.

        What networks given as ``Partwise`` have in common is computed once for all of them, where
        that pays.

        Args:
            networks: weights of each network; a generator never has more than one at a time.
            splits: the splits, by default those the user asked for.
            count: how many networks there are, for the progress bar; by default their length.
            per_example: keep the loss and error of each example.
            description: what the progress bar says.
        """
        chosen = tuple(splits) or self.splits
        if isinstance(networks, Partwise) and not per_example:
            graph = shared_prefix.reusable(self, networks, chosen)
            if graph is not None:
                return shared_prefix.score(self._scoring, graph, networks, chosen, description)
        return self._scoring.evaluate(
            networks, chosen, count=count, per_example=per_example, description=description
        )

    @computing
    def read(
        self,
        networks: Iterable[Weights],
        split: Split,
        function: Callable[[Tensor, Tensor], Tensor],
        *,
        count: int | None = None,
        description: str = "read",
    ) -> list[NDArray[np.float64]]:
        """Return what ``function(outputs, targets)`` makes of a split: (example, ...) a network.

        Args:
            networks: weights of each network; a generator never has more than one at a time.
            split: the split.
            function: takes a batch's outputs and targets, and returns (example, ...).
            count: how many networks there are, for the progress bar; by default their length.
            description: what the progress bar says.
        """
        return self._scoring.read(networks, split, function, count=count, description=description)

    @computing
    def scores(self, indices: Sequence[int], splits: Sequence[Split] = ()) -> Scores:
        """Return the scores of checkpoints by index, per example too; each is evaluated once."""
        return self._scoring.of_checkpoints(self.weights, indices, tuple(splits) or self.splits)

    @cached_property
    def ends(self) -> Scores:
        """The scores of the checkpoints that are arguments.

        Raises:
            UnjudgedError: every one of them answers at chance, or its loss isn't a number.
        """
        scores = self.scores(range(self.count))
        check_ends(
            scores,
            [checkpoint.path for checkpoint in self.checkpoints[: self.count]],
            self._scoring.task,
            [self.split(name) for name in scores.splits],
            allow_chance=self.settings.allow_chance,
        )
        return scores

    @property
    def strategy(self) -> Strategy | None:
        """How networks were evaluated, or None if none was."""
        return self._scoring.strategy if "_scoring" in self.__dict__ else None

    @cached_property
    def _scoring(self) -> Scoring:
        if self.task is None:
            raise LmctoolError(
                f"analysis {self.name!r} asked for scores, but no data is in use;"
                " name data with --data"
            )
        return Scoring(
            self.network,
            self.settings.strategy,
            self.task,
            self.device,
            self.dtype,
            self.settings.precision,
            self.batch_size,
            self.progress,
            self.units,
        )

    @computing
    def follow(
        self, variants: Sequence[Variant], alpha: NDArray[np.float64], *, per_example: bool = False
    ) -> Curves:
        """Return loss and error of variants of one pair at alphas that rise from 0 to 1."""
        return path.follow(self, variants, alpha, per_example=per_example)

    @computing
    def insert(
        self, variants: Sequence[Variant], curves: Curves, alpha: NDArray[np.float64]
    ) -> Curves:
        """Return curves of the same variants with more alphas, strictly between 0 and 1."""
        return path.insert(self, variants, curves, alpha)

    def targets(self, kind: Kind) -> tuple[Target, ...]:
        """Return the places that REPAIR corrects: ``layers``, ``blocks`` or ``both``."""
        return targets(self.graph, kind)

    def batchnorms(self) -> tuple[Target, ...]:
        """Return the inputs of the BatchNorms."""
        return batchnorms(self.graph)

    @computing
    def moments(self, weights: Weights, axes: Mapping[str, int]) -> Mapping[str, Moments]:
        """Return mean and variance of each channel at taps (tap -> channel axis)."""
        batches = self._told("moments", self.settings.calib_batch)
        measure = partial(statistics.measured, self.graph, weights, axes, batches)
        return self._kept("moments", axes, statistics.Moments, measure)

    @computing
    def renormalised(self, weights: Weights, goals: Mapping[str, Goal]) -> Mapping[str, Moments]:
        """Return mean and variance at taps while each is renormalised to its goal by batch."""
        batches = self._batches(self.settings.calib_batch)
        measure = partial(statistics.renormalised, self.graph, weights, goals, batches)
        return self._kept("renormalised", goals, statistics.Moments, measure)

    @computing
    def cross_moments(self, a: Weights, b: Weights, taps: Iterable[Tap]) -> dict[Tap, CrossMoments]:
        """Return the cross-moments of two networks' units at taps, in one pass over the data."""
        batches = self._told("correlations", CROSS_BATCH)
        threads = workers() if self.device.type == "cpu" else None
        return statistics.cross(self.graph, a, b, taps, batches, threads)

    @computing
    def paired_moments(
        self, a: Weights, b: Weights, axes: Mapping[str, int]
    ) -> Mapping[str, PairedMoments]:
        """Return moments of two networks at taps, and the covariance of channels by position."""
        batches = self._told("paired moments", self.settings.calib_batch)
        measure = partial(statistics.paired, self.graph, a, b, axes, batches)
        return self._kept("paired moments", axes, statistics.PairedMoments, measure)

    def _kept(
        self,
        kind: str,
        taps: Iterable[str],
        record: type[Statistics],
        measure: Callable[[], Mapping[str, Statistics]],
    ) -> Mapping[str, Statistics]:
        """Return statistics at taps, as a step of this run."""
        taps = list(taps)
        with self.units.step(kind, taps, self.calibration.digest) as step:
            return statistics.kept(step, record, taps, measure, self.device)

    def _told(self, description: str, size: int) -> Iterator[Tensor]:
        """Give the inputs of the calibration examples, and tell how far they are."""
        with self.progress(len(self.calibration), description) as advance:
            for inputs in self._batches(size):
                yield inputs
                advance(len(inputs))

    def _batches(self, size: int) -> Iterator[Tensor]:
        """Give the inputs of the calibration examples, laid out as the graph is fast with."""
        last = self.device.type == "cpu" and self.calibration.inputs.ndim == 4
        layout = self.graph.layout if last else torch.contiguous_format
        for inputs, _ in self.calibration.even_batches(size, self.dtype):
            yield inputs.contiguous(memory_format=layout)

    @computing
    def align(self, a: Weights, b: Weights) -> Permutation:
        """Return the permutation that brings B's units into A's order, proved.

        The aligner is the one the user named; a stored permutation may take its place.

        Raises:
            UnjudgedError: the permutation changes B's function.
        """
        permutation, proof = alignment.align(self, a, b)
        self.permutations.append((permutation, proof))
        return permutation

    @computing
    def variants(
        self, first: int = 0, second: int = 1, *, storable: bool = False
    ) -> tuple[Variant, ...]:
        """Return the paths from one checkpoint to another that the flags ask for.

        ``plain`` always; with an aligner ``align``; with a correction ``repair``, or
        ``align+repair`` where there is an aligner too.

        Args:
            first: the index of the checkpoint at alpha 0.
            second: the index of the checkpoint at alpha 1.
            storable: corrected weights must fit the model's own tensors.
        """
        return variant.variants(self, first, second, storable=storable)

    @computing
    def between(self, a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
        """Return (1 - alpha) a + alpha b, with running statistics as ``--batchnorm`` says."""
        return batchnorm.between(self, a, b, alpha)

    @computing
    def reset(self, weights: Weights) -> dict[str, Tensor]:
        """Return weights whose BatchNorms hold the statistics of the calibration examples.

        Each BatchNorm normalises by the batch while they are taken, as in training mode, so
        that later ones see what corrected earlier ones give.
        """
        return batchnorm.reset(self, weights)
