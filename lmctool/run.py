"""What the host prepares for one analysis: checkpoints, model, data, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lmctool import alignment, arithmetic, batchnorm, record, statistics, variant
from lmctool.checkpoint import Checkpoint, open_checkpoint
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network, Scores, curve, evaluate
from lmctool.evaluate.engine import BatchSize
from lmctool.graph.capture import capture
from lmctool.graph.targets import Kind, Target, batchnorms, targets
from lmctool.model.ties import once
from lmctool.progress import silent
from lmctool.results.provenance import now
from lmctool.sources import find_sources
from lmctool.splits import Splits
from lmctool.symmetry import Permutation, PermutationSpec, Proof, derive, read_spec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.evaluate.curve import Curves
    from lmctool.graph.graph import Graph
    from lmctool.model.example import Inputs
    from lmctool.progress import Progress
    from lmctool.results.result import Group, Result
    from lmctool.seam import Analysis
    from lmctool.settings import Settings
    from lmctool.statistics import CrossMoments, Goal, Moments
    from lmctool.symmetry.spec import Tap
    from lmctool.variant import Variant

Weights = Mapping[str, Tensor]

CROSS_BATCH = 100
"""Examples whose activations at every tap are held at once; the correlations don't depend on it."""


class Run:
    """One run of one analysis, with everything it may ask for already resolved.

    Attributes:
        name: the analysis.
        settings: what the user asked.
        checkpoints: the files, opened but not read.
        sources: the model, the data, the task and the example input, and where each was found.
        data: the dataset, or None for an analysis that needs none or does without.
        device: where the work is done.
        dtype: the dtype of weights and arithmetic.
        permutations: each alignment made so far, with its proof, by the indices of its ends.
        findings: groups by path that an aligner or a correction adds to the result.
    """

    def __init__(
        self,
        name: str,
        analysis: Analysis,
        settings: Settings,
        progress: Progress = silent,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Open and resolve all that the analysis needs.

        Raises:
            LmctoolError: something named isn't there, can't be read, or doesn't fit together.
        """
        self.name = name
        self.settings = settings
        self.progress = progress
        self.note = note
        self.started = now()
        self.device = arithmetic.choose_device(settings.device)
        self.arithmetic = arithmetic.configure(settings.precision, self.device)
        self.dtype: torch.dtype = getattr(torch, settings.dtype)
        self.batch_size = BatchSize(settings.batch_size)
        self.checkpoints: tuple[Checkpoint, ...] = tuple(map(open_checkpoint, settings.checkpoints))
        self.permutations: list[tuple[Permutation, Proof]] = []
        self.findings: dict[str, Group] = {}
        self._weights: dict[int, Weights] = {}
        self.sources = find_sources(self.checkpoints, analysis, settings, self.device)
        self.model, self.data = self.sources.model, self.sources.data
        self.task = self.sources.task
        self._splits = Splits(name, self.data, settings, self.device)

    def weights(self, index: int) -> Weights:
        """Return the tensors of a checkpoint, on the device: floats in the run's dtype.

        Tensors that the model ties are there once, under the first of their names in the model.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        if index not in self._weights:
            held = self.checkpoints[index].weights(self.dtype, self.device)
            self._weights[index] = once(held, self.model.module) if self.model else held
        return self._weights[index]

    def split(self, name: str) -> Split:
        """Return a split to evaluate on, at most ``--limit`` examples of it."""
        return self._splits.open(name, self.settings.limit)

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that the user asked to evaluate on."""
        return tuple(self.split(name) for name in self.settings.splits)

    @cached_property
    def calibration(self) -> Split:
        """The examples that statistics are taken on."""
        return self._splits.open(self.settings.calib_split, self.settings.calib_size)

    @cached_property
    def graph(self) -> Graph:
        """The graph of the model."""
        return capture(self.module, self.example(2))

    def example(self, count: int) -> Inputs:
        """Return inputs: the first calibration examples, else the whole example input.

        Args:
            count: how many calibration examples at most.

        Raises:
            LmctoolError: there is neither.
        """
        if self.data is None and self.sources.example is not None:
            return self.sources.example.inputs
        return self.calibration.head(count, self.dtype)

    @cached_property
    def permutation_spec(self) -> PermutationSpec:
        """What may be permuted in the model without a change of its function."""
        if self.settings.spec is None:
            return derive(self.graph)
        return read_spec(self.settings.spec, self.graph)

    @cached_property
    def network(self) -> Network:
        """The forward function of the model."""
        return Network(self.module, lambda: self.graph)

    @property
    def module(self) -> nn.Module:
        """The model's module, on the run's device."""
        if self.model is None:
            raise LmctoolError(f"analysis {self.name!r} asked for a model without needing one")
        return self.model.module

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

        Args:
            networks: weights of each network; a generator never has more than one at a time.
            splits: the splits, by default those the user asked for.
            count: how many networks there are, for the progress bar; by default their length.
            per_example: keep the loss and error of each example.
            description: what the progress bar says.
        """
        if self.task is None:
            raise LmctoolError(
                f"analysis {self.name!r} asked for scores, but no data is in use;"
                " name data with --data"
            )
        chosen = tuple(splits) or self.splits
        total = len(networks) if isinstance(networks, Sequence) else count or 0
        with (
            self.progress(total * len(chosen), description) as advance,
            arithmetic.casting(self.settings.precision, self.device),
        ):
            return evaluate(
                self.network,
                networks,
                chosen,
                self.task,
                dtype=self.dtype,
                batch_size=self.batch_size,
                per_example=per_example,
                advance=advance,
            )

    def follow(self, variants: Sequence[Variant], alpha: NDArray[np.float64]) -> Curves:
        """Return loss and error of variants at alphas that rise from 0 to 1."""
        return curve.follow(self, variants, alpha)

    def insert(
        self, variants: Sequence[Variant], curves: Curves, alpha: NDArray[np.float64]
    ) -> Curves:
        """Return curves of the same variants with more alphas, strictly between 0 and 1."""
        return curve.insert(self, variants, curves, alpha)

    @cached_property
    def ends(self) -> Scores:
        """The scores of the checkpoints themselves.

        Raises:
            UnjudgedError: every one of them answers at chance, or its loss isn't a number.
        """
        indices = range(len(self.checkpoints))
        scores = self.evaluate([self.weights(n) for n in indices], description="ends")
        record.check_ends(self, scores)
        return scores

    def targets(self, kind: Kind) -> tuple[Target, ...]:
        """Return the places that REPAIR corrects: ``layers``, ``blocks`` or ``both``."""
        return targets(self.graph, kind)

    def batchnorms(self) -> tuple[Target, ...]:
        """Return the inputs of the BatchNorms."""
        return batchnorms(self.graph)

    def moments(self, weights: Weights, axes: Mapping[str, int]) -> dict[str, Moments]:
        """Return mean and variance of each channel at taps (tap -> channel axis)."""
        batches = self._told("moments", self.settings.calib_batch)
        return statistics.measured(self.graph, weights, axes, batches)

    def renormalised(self, weights: Weights, goals: Mapping[str, Goal]) -> dict[str, Moments]:
        """Return mean and variance at taps while each is renormalised to its goal by batch."""
        batches = self.calibration.even_batches(self.settings.calib_batch, self.dtype)
        return statistics.renormalised(self.graph, weights, goals, (x for x, _ in batches))

    def cross_moments(self, a: Weights, b: Weights, taps: Iterable[Tap]) -> dict[Tap, CrossMoments]:
        """Return the cross-moments of two networks' units at taps, in one pass over the data."""
        batches = self._told("correlations", CROSS_BATCH)
        return statistics.cross(self.graph, a, b, taps, batches)

    def _told(self, description: str, size: int) -> Iterator[Tensor]:
        """Give the inputs of the calibration examples, and tell how far they are."""
        with self.progress(len(self.calibration), description) as advance:
            for inputs, _ in self.calibration.even_batches(size, self.dtype):
                yield inputs
                advance(len(inputs))

    def align(self, a: Weights, b: Weights) -> Permutation:
        """Return the permutation that brings B's units into A's order, proved.

        The aligner is the one the user named; a stored permutation may take its place.

        Raises:
            UnjudgedError: the permutation changes B's function.
        """
        permutation, proof = alignment.align(self, a, b)
        self.permutations.append((permutation, proof))
        return permutation

    def variants(self, *, storable: bool = False) -> tuple[Variant, ...]:
        """Return the paths from the first checkpoint to the second that the flags ask for.

        ``plain`` always; with an aligner ``align``; with a correction ``repair``, or
        ``align+repair`` where there is an aligner too.

        Args:
            storable: corrected weights must fit the model's own tensors.
        """
        return variant.variants(self, storable=storable)

    def between(self, a: Weights, b: Weights, alpha: float) -> dict[str, Tensor]:
        """Return (1 - alpha) a + alpha b, with running statistics as ``--batchnorm`` says."""
        return batchnorm.between(self, a, b, alpha)

    def reset(self, weights: Weights) -> dict[str, Tensor]:
        """Return weights whose BatchNorms hold the statistics of the calibration examples.

        Each BatchNorm normalises by the batch while they are taken, as in training mode, so
        that later ones see what corrected earlier ones give.
        """
        return batchnorm.reset(self, weights)

    def generator(self, name: str) -> torch.Generator:
        """Return a generator of its own for each named use, from the run's seed."""
        return arithmetic.generator(self.settings.seed, name)

    def plan(self) -> list[tuple[str, str]]:
        """Return what was resolved, and where each was found, in words."""
        return record.plan(self)

    def complete(self, result: Result, *, command: str, options: Mapping[str, Any]) -> Result:
        """Return the result with its permutations, their proof, and its provenance."""
        return record.complete(self, result, command=command, options=options)
