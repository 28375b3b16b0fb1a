"""The calibration of a run: the examples that statistics are taken on, and the statistics."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lmctool import statistics
from lmctool.evaluate.arithmetic import Precision, arithmetic
from lmctool.evaluate.batch_size import BatchSize, indivisible
from lmctool.evaluate.threads import workers
from lmctool.graph.layout import laid_out
from lmctool.weights.recipe import content, identity, recipe
from lmctool.weights.streamed import momentary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from lmctool.data.split import Split
    from lmctool.graph.graph import Graph
    from lmctool.plugin.progress import Progress
    from lmctool.results.journal import Entries, Journal
    from lmctool.statistics import CrossMoments, Goal, Moments, PairedMoments
    from lmctool.statistics.journalled import Statistics
    from lmctool.symmetry.spec import Tap
    from lmctool.weights.arithmetic import Weights

KEPT = 16
"""Networks whose moments are kept: the ends of a path, many of which may begin alike."""
SIZE = "size"
"""The name of a batch size in its entry of a journal."""


@dataclass(frozen=True)
class Calibration:
    """Takes statistics of networks on the calibration examples.

    Attributes:
        open: opens the calibration examples, once.
        follow: follows the model's graph, once.
        graph_of: returns the graph of a network, which may have a model of its own.
        batch: examples whose batch statistics are taken together.
        device: where the work is done.
        dtype: the dtype of the inputs.
        progress: shows how far it is.
        journal: knows what was taken before, and keeps what is taken now.
        precision: the precision of matrix products and convolutions.
        stochastic: tells whether networks draw random numbers, once the model was followed.
        seeding: sets those that a pass of a network draws, where it draws any.
    """

    open: Callable[[], Split]
    follow: Callable[[], Graph]
    graph_of: Callable[[Weights], Graph]
    batch: int
    device: torch.device
    dtype: torch.dtype
    progress: Progress
    journal: Journal
    precision: Precision
    stochastic: Callable[[], bool]
    seeding: Callable[[], AbstractContextManager[None]]
    _ends: OrderedDict[str, Mapping[str, Moments]] = field(default_factory=OrderedDict, init=False)

    @property
    def split(self) -> Split:
        """The calibration examples."""
        return self.open()

    @property
    def recipe(self) -> str:
        """What tells statistics on these examples from those on others."""
        return recipe("calibration", self.split.recipe, self.batch, str(self.dtype))

    def moments(self, weights: Weights, axes: Mapping[str, int]) -> Mapping[str, Moments]:
        """Return mean and variance of each channel at nodes of the graph (name -> channel axis)."""
        batches = self._shown("moments", self.batch)
        graph, pieces = self.follow(), self._pieces(axes)

        def measure() -> Mapping[str, Moments]:
            return statistics.measured(graph, momentary(weights), axes, batches, pieces)

        what = partial(_of_networks, axes, weights)
        return self._journalled("moments", axes, statistics.Moments, measure, what)

    def moments_of_ends(
        self, networks: Sequence[Weights], axes: Mapping[str, int]
    ) -> list[Mapping[str, Moments]]:
        """Return the ``moments`` of networks that are ends of paths, each taken once.

        Those of a network that nothing but its tensors tells from others are taken each time: to
        read all of these takes as long.
        """
        found = []
        for weights in networks:
            known = getattr(weights, "recipe", None)
            key = recipe("moments of an end", known() if known else "", dict(axes))
            own = self._ends.get(key) if known else None
            if own is None:
                own = self.moments(weights, axes)
            if known:
                self._ends[key] = own
                self._ends.move_to_end(key)
            if len(self._ends) > KEPT:
                self._ends.popitem(last=False)
            found.append(own)
        return found

    def renormalised(self, weights: Weights, goals: Mapping[str, Goal]) -> Mapping[str, Moments]:
        """Return mean and variance at nodes while each is renormalised to its goal by batch."""
        batches = self._batches(self.batch)
        measure = partial(
            statistics.renormalised, self.follow(), weights, goals, batches, self._pieces(goals)
        )

        def what() -> list[object]:
            return [identity(weights), goals_recipe(goals)]

        return self._journalled("renormalised", goals, statistics.Moments, measure, what)

    def paired_moments(
        self, a: Weights, b: Weights, axes: Mapping[str, int]
    ) -> Mapping[str, PairedMoments]:
        """Return moments of two networks at nodes, and the covariance of channels by position."""
        batches = self._shown("paired moments", self.batch)
        measure = partial(statistics.paired, self.follow(), a, b, axes, batches, self._pieces(axes))
        what = partial(_of_networks, axes, a, b)
        return self._journalled("paired moments", axes, statistics.PairedMoments, measure, what)

    def cross_moments(self, a: Weights, b: Weights, taps: Iterable[Tap]) -> dict[Tap, CrossMoments]:
        """Return the cross-moments of two networks' units at taps, in one pass over the data.

        Batches halve when memory runs out.
        """
        graphs, places = (self.graph_of(a), self.graph_of(b)), tuple(taps)
        one_by_one = self.device.type != "cpu" or self.stochastic()
        threads = None if one_by_one else workers()

        def compared(size: int) -> dict[Tap, CrossMoments]:
            batches = self._shown("correlations", size)
            with arithmetic(self.precision, self.device), self.seeding():
                return statistics.cross(graphs, a, b, places, batches, threads)

        return self.cross_batch.fitting(compared)

    def activations(self, weights: Weights, taps: Iterable[Tap]) -> Iterator[dict[Tap, Tensor]]:
        """Yield the units of a network at taps, (unit, sample) each, on batch after batch.

        Everything but the units is a sample: examples, and positions in images or of tokens.  The
        values are those that the rest of the network sees, after the weights' own corrections, in
        the run's dtype and without gradients.  Each network is shown the same examples in the same
        order.  Batches are of as many as ``cross_moments`` takes, fewer where the first one does
        not fit in memory.

        Args:
            weights: the network.
            taps: of the permutation spec, such as ``spec.taps[group]``.
        """
        taken = statistics.activations(self.graph_of(weights), weights, taps)

        def shown(inputs: Tensor) -> dict[Tap, Tensor]:
            with torch.no_grad(), arithmetic(self.precision, self.device), self.seeding():
                return taken(inputs)

        def begun(size: int) -> Iterator[dict[Tap, Tensor]]:
            batches = map(shown, self._shown("activations", size))
            return chain([*islice(batches, 1)], batches)  # no other is larger than the first

        return self.cross_batch.fitting(begun)

    @cached_property
    def cross_batch(self) -> BatchSize:
        """How many examples' activations are compared at once.

        In a run that goes on, as many as before: memory may have run out there, and other batches
        differ in the last bits of their sums.
        """
        kept = self._kept_sizes
        batch = BatchSize(None, (kept or [statistics.cross_batch(self.follow, self.device)])[-1])

        def keep() -> None:
            size = np.array(batch.size)
            with self._cross_sizes() as entries:
                entries.entry(lambda: len(kept)).keep(lambda: {SIZE: size})
            kept.append(batch.size)

        if not kept:
            keep()
        batch.on_halving.append(keep)
        return batch

    @property
    def compared_at_once(self) -> int | None:
        """How many examples' activations were compared at once; None if no aligner did so."""
        used = "cross_batch" in self.__dict__
        sizes = [self.cross_batch.size] if used else self._kept_sizes
        return sizes[-1] if sizes else None

    @property
    def _kept_sizes(self) -> list[int]:
        """The sizes that the journal of a run that goes on has, each half of the one before."""
        sizes: list[int] = []
        with self._cross_sizes() as entries:
            while (arrays := entries.entry(lambda: len(sizes)).arrays) is not None:
                sizes.append(int(arrays[SIZE]))
        return sizes

    def _cross_sizes(self) -> AbstractContextManager[Entries]:
        return self.journal.entries("compared at once", self.recipe, self.device.type)

    def _journalled(
        self,
        kind: str,
        taps: Iterable[str],
        record: type[Statistics],
        measure: Callable[[], Mapping[str, Statistics]],
        what: Callable[[], object],
    ) -> Mapping[str, Statistics]:
        """Return statistics at taps: those of the journal, or else measured ones."""
        entries_of = self.journal.entries(kind, self.recipe, self.device.type)
        with arithmetic(self.precision, self.device), self.seeding(), entries_of as entries:
            entry = entries.entry(what)
            with indivisible(self.batch, "--calib-batch"):
                return statistics.journalled(entry, record, list(taps), measure, self.device)

    def _pieces(self, taps: Collection[str]) -> statistics.Pieces:
        """Return in which pieces batches go through the model's graph for statistics at taps."""
        graph = self.follow()  # then it is known whether networks draw random numbers
        if self.device.type != "cpu" or self.stochastic():
            return statistics.WHOLE
        return statistics.pieces_for(graph, taps, workers())

    def _shown(self, description: str, size: int) -> Iterator[Tensor]:
        """Yield the inputs of the examples, and show how far they are."""
        with self.progress(len(self.split), description) as advance:
            for inputs in self._batches(size):
                yield inputs
                advance(len(inputs))

    def _batches(self, size: int) -> Iterator[Tensor]:
        """Yield the inputs of the examples, laid out as the graph is fast with."""
        return input_batches(self.split, size, self.dtype, self.follow, self.device)


def input_batches(
    split: Split,
    size: int,
    dtype: torch.dtype,
    graph: Callable[[], Graph],
    device: torch.device,
) -> Iterator[Tensor]:
    """Yield the inputs of a split in even batches, laid out as a graph is fast with on a device."""
    last = device.type == "cpu" and split.inputs.ndim == 4
    layout = graph().layout if last else torch.contiguous_format
    for inputs, _ in split.even_batches(size, dtype):
        yield laid_out(inputs, layout)


def goals_recipe(goals: Mapping[str, Goal]) -> list[object]:
    """Return what tells goals at taps from all others."""
    return [
        [tap, goal.axis, goal.epsilon, content(_statistics(goal))] for tap, goal in goals.items()
    ]


def _statistics(goal: Goal) -> dict[str, Tensor]:
    both = {"mean": goal.mean, "std": goal.std}
    return {name: tensor for name, tensor in both.items() if tensor is not None}


def _of_networks(axes: Mapping[str, int], *networks: Weights) -> list[object]:
    return [dict(axes), [identity(each) for each in networks]]
