"""What an analysis works on: checkpoints, model and data, opened and resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lmctool.checkpoint import Checkpoint, open_checkpoint
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.device import arithmetic, choose_device, describe, generator
from lmctool.graph.capture import capture
from lmctool.model.tied import once
from lmctool.plugin.progress import silent
from lmctool.results.journal import Units
from lmctool.run.environment import now
from lmctool.run.loaded_weights import Networks
from lmctool.run.sources import find_sources
from lmctool.run.splits import Splits
from lmctool.symmetry import PermutationSpec, derive, read_spec
from lmctool.weights.grouping import parts

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lmctool.data.split import Split
    from lmctool.graph.graph import Graph
    from lmctool.model.example import Inputs
    from lmctool.plugin.kinds import Analysis
    from lmctool.plugin.progress import Progress
    from lmctool.plugin.settings import Settings

Weights = Mapping[str, Tensor]


class Prepared:
    """The checkpoints, the model and the data of one run of one analysis, resolved.

    Attributes:
        name: the analysis.
        settings: what the user asked.
        checkpoints: the files, opened but not read: the arguments, then those that options name.
        count: how many of them are arguments.
        series: the training runs that the arguments are, if they are any.
        sources: the model, the data, the task and the example input, and where each was found.
        data: the dataset, or None for an analysis that needs none or does without.
        device: where the work is done.
        dtype: the dtype of weights and arithmetic.
        units: the steps that were finished before, and those that are finished now.
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
        self.name = name
        self.settings = settings
        self.progress = progress
        self.note = note
        self.units = units or Units()
        self.started = now()
        self.device = choose_device(settings.device)
        self.arithmetic = describe(settings.precision, self.device)
        self.dtype: torch.dtype = getattr(torch, settings.dtype)
        self.batch_size = BatchSize(settings.batch_size)
        self.count = len(settings.checkpoints)
        self.series = settings.series
        paths = (*settings.checkpoints, *settings.others)
        self.checkpoints: tuple[Checkpoint, ...] = tuple(map(open_checkpoint, paths))
        self.sources = find_sources(self.checkpoints, analysis, settings, self.device)
        self.model, self.data = self.sources.model, self.sources.data
        self.task = self.sources.task
        self._splits = Splits(name, self.data, settings, self.device)
        self._networks = Networks(self.checkpoints, self.model, self.dtype, self.device)

    def weights(self, index: int) -> Weights:
        """Return the tensors of a checkpoint, on the device: floats in the run's dtype.

        Tensors that the model ties are there once, under the first of their names in the model.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        return self._networks.weights(index)

    def check_module(self) -> None:
        """Check that the module, which shares the first checkpoint's tensors, is as it was.

        Raises:
            PluginError: somebody wrote into it.
        """
        self._networks.check()

    def initial(self, seed: int) -> Weights:
        """Return the weights that the model's own initialiser gives for a seed."""
        if self.model is None:
            raise LmctoolError(f"analysis {self.name!r} asked for a model without needing one")
        state = self.model.initial(seed).to(self.device, self.dtype).state_dict()
        return once(state, self.model.module)

    def parts(self, by: str) -> dict[str, tuple[str, ...]]:
        """Return the names of the tensors of each part of the network, in the model's order.

        Args:
            by: ``layer``, ``block``, ``group``, ``kind`` or a regular expression; see
                ``lmctool.weights.grouping``.

        Raises:
            LmctoolError: the expression is none, or matches no name.
        """
        shapes = self.checkpoints[0].shapes
        if self.model is not None:
            own = once(self.model.module.state_dict(), self.model.module)
            shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
        return parts(shapes, by)

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
        self.units.mark("calibration")
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
        """The model's module, on the run's device; its tensors are the first checkpoint's.

        To write into it, or to load other weights, take a copy.
        """
        if self.model is None:
            raise LmctoolError(f"analysis {self.name!r} asked for a model without needing one")
        return self.model.module

    def computing(self) -> AbstractContextManager[None]:
        """Return the context in which this run computes; what it sets of torch is put back."""
        return arithmetic(self.settings.precision)

    def generator(self, name: str) -> torch.Generator:
        """Return a generator of its own for each named use, from the run's seed."""
        return generator(self.settings.seed, name)
