"""One run of one analysis: what a plugin may ask for."""

from __future__ import annotations

from contextlib import closing
from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from lmctool.checkpoint.adapters import is_adapter
from lmctool.checkpoint.squared_norms import squared_norms_of_weights
from lmctool.errors import LmctoolError
from lmctool.evaluate.arithmetic import arithmetic, computing, describe, exact_products
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import Guess, check_ends
from lmctool.evaluate.device import MPS, check_precision, choose_device
from lmctool.evaluate.engine import of_outputs
from lmctool.evaluate.evaluator import Evaluator
from lmctool.evaluate.function_check import EXAMPLES
from lmctool.evaluate.loss import (
    is_transformed,
    loss_of_outputs,
    outputs_of_batch,
    outside_transforms,
)
from lmctool.evaluate.probe import probe
from lmctool.evaluate.repetition import repeatable
from lmctool.graph.randomness import generator
from lmctool.graph.tap_affine import corrected_taps
from lmctool.plugin.progress import in_all, silent
from lmctool.plugin.spreading import Serial
from lmctool.results.journal import NO_JOURNAL
from lmctool.results.score_metric import STANDARD
from lmctool.run import path
from lmctool.run.activations import activations, counted
from lmctool.run.alignment import Alignments, transformed
from lmctool.run.batchnorm import BatchNormPolicy
from lmctool.run.calibration import Calibration, input_batches
from lmctool.run.canonical_forms import CanonicalForms
from lmctool.run.common_symmetries import CommonSymmetries
from lmctool.run.correction import chosen_correction
from lmctool.run.doubts import Doubts
from lmctool.run.environment import now
from lmctool.run.merge_method import MergeMethod
from lmctool.run.records import files
from lmctool.run.resources import Resources
from lmctool.run.variant import variant_names, variants
from lmctool.symmetry.alignment import Alignment
from lmctool.symmetry.permutation import Permutation
from lmctool.weights.recipe import derived, identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.checkpoint import Checkpoint
    from lmctool.data.resolve import Data
    from lmctool.data.split import Split
    from lmctool.evaluate import Scores
    from lmctool.evaluate.strategy import Strategy
    from lmctool.graph.graph import Graph
    from lmctool.graph.targets import Target
    from lmctool.model.resolve import Model
    from lmctool.plugin.progress import Progress
    from lmctool.plugin.records import Aligner, Analysis, Task
    from lmctool.plugin.settings import Series, Settings
    from lmctool.plugin.spreading import Spreading
    from lmctool.results.journal import Journal
    from lmctool.results.provenance import Provenance
    from lmctool.results.score_metric import ScoreMetric
    from lmctool.run.path import Curves
    from lmctool.run.variant import Variant
    from lmctool.symmetry import PermutationSpec, Proof
    from lmctool.symmetry.linear.spec import LinearSpec
    from lmctool.symmetry.transform import Transform
    from lmctool.weights.arithmetic import Weights


Item = TypeVar("Item")
Value = TypeVar("Value")


class Run:
    """One run of one analysis, with everything it may ask for.

    It opens nothing and measures nothing itself: it has resources, an evaluator, a calibration,
    a BatchNorm policy and alignments that do.

    Attributes:
        name: the analysis.
        settings: what the user asked, with the dtype that ``auto`` is.
        progress: shows how far some work is.
        note: tells the user something worth knowing.
        journal: what was computed before, and what is computed now.
        spread: says what this process computes, where others take part.
        started: when it began, in UTC.
        device: where the work is done.
        arithmetic: the switches of the arithmetic, for the record.
        batch_size: examples at once.
        resources: the checkpoints, the model and the data.
        calibration: takes statistics on the calibration examples.
        batchnorm: mixes networks, with the running statistics that are asked for.
        symmetries: derives what may be permuted in each network, and proves it.
        forms: brings networks into canonical form, and lists the proofs of it.
        alignments: finds alignments, and lists those that were proved.
        doubts: what the user was told, and why some numbers can carry no verdict.
        ends_shared: whether paths that end in permuted B took B's scores there.
    """

    def __init__(
        self,
        name: str,
        analysis: Analysis,
        settings: Settings,
        progress: Progress = silent,
        note: Callable[[str], None] = lambda _: None,
        journal: Journal = NO_JOURNAL,
        spread: Spreading | None = None,
        *,
        writes: bool = False,
    ) -> None:
        """Open and resolve all that the analysis needs.

        ``writes`` says whether a checkpoint will be written.

        Raises:
            LmctoolError: something named isn't there, can't be read, or doesn't fit together.
        """
        self.name = name
        self.progress = progress
        self.doubts = Doubts(note)
        self.note: Callable[[str], None] = self.doubts.note
        self.journal = journal
        self.spread = spread or Serial()
        self._always_aligns = analysis.aligner == "always"
        self.ends_shared = False
        self.started = now()
        self.device = choose_device(settings.device, self.note)
        if settings.device != MPS:  # which has a sentence of its own
            again = settings.repeats is not None
            if said := check_precision(settings.precision, self.device, repeats=again):
                self.note(said)
        self._repeats = repeatable(settings.repeats, self.device, self.note)
        repeated = self._repeats.batch_size if self._repeats else None
        self.batch_size = BatchSize(settings.batch_size, repeated=repeated)
        self.batch_size.on_halving.append(self._note_halving)
        self.resources = Resources(name, analysis, settings, self.device, self.note, writes=writes)
        self.settings = self.resources.settings
        self.arithmetic = describe(settings.precision, self.device)
        self.resources.loaded.journal = journal
        self.symmetries = CommonSymmetries(self.resources)
        self._calibrate()

    def _calibrate(self) -> None:
        """Begin what depends on the calibration examples: nothing is taken or aligned yet."""
        settings = self.settings
        self.calibration = Calibration(
            self._calibration_examples,
            lambda: self.graph,
            lambda weights: self.symmetries.graph_of(weights),
            settings.calib_batch,
            self.device,
            self.dtype,
            self.progress,
            self.journal,
            settings.precision,
            lambda: self.resources.forward.stochastic,
            self.resources.forward.seeding,
        )
        self.batchnorm = BatchNormPolicy(
            settings.batchnorm,
            self.resources.batchnorms,
            self.calibration.renormalised,
            lambda: self.calibration.recipe,
            self.dtype,
        )
        self.forms = CanonicalForms(self.symmetries, self.note, self.journal)
        self.alignments = Alignments(
            settings.aligner,
            settings.apply,
            self.symmetries,
            self._ask_aligner,
            self._examples_of,
            self.journal,
        )

    def redrawn(self, draw: int) -> Run:
        """Return this run with other calibration examples, the others of ``--repeat``.

        Checkpoints, model, data and what was measured so far are the same; of alignments and
        doubts there is none yet.
        """
        other = copy(self)
        other.resources = self.resources.redrawn(draw)
        other.settings = other.resources.settings
        other.doubts = Doubts(self.note)
        other._calibrate()
        return other

    def in_float32(self) -> Run:
        """Return this run with networks evaluated in float32, whatever its own precision.

        Networks are the same: alignment and statistics are taken in float32 anyway.  How they are
        evaluated follows from the model alone, and isn't measured.
        """
        other = copy(self)
        other.settings = replace(self.settings, precision="float32")
        other.batch_size = BatchSize(self.settings.batch_size)
        other.evaluator = replace(
            self.evaluator,
            word="plain" if self.settings.strategy == "plain" else "auto",
            precision="float32",
            batch_size=other.batch_size,
            repeats=None,
            strategy=None,
            _checkpoints={},
            _foreseen=None,
        )
        return other

    def sample(self, size: int) -> tuple[Split, ...]:
        """Return at most so many examples of each split, in the proportions of their classes."""
        return tuple(
            self.resources.splits.open(split.name, min(size, len(split))) for split in self.splits
        )

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The files, opened but not read: the arguments, then those that options name."""
        return self.resources.checkpoints

    @property
    def count(self) -> int:
        """How many of the checkpoints are arguments."""
        return len(self.settings.checkpoints)

    @property
    def series(self) -> tuple[Series, ...]:
        """The training runs or the forks that the arguments are, if they are any."""
        return self.settings.series

    @property
    def model(self) -> Model | None:
        """The model, or None for an analysis that needs none."""
        return self.resources.sources.model

    @property
    def data(self) -> Data | None:
        """The dataset, or None for an analysis that needs none or does without."""
        return self.resources.sources.data

    @property
    def task(self) -> Task | None:
        """What loss and error mean, or None without data."""
        task = self.resources.task
        return None if task is None else task.task

    @property
    def task_name(self) -> str | None:
        """The registered word of the task, or the place of its code; None without data."""
        task = self.resources.task
        return None if task is None else task.name

    @property
    def metrics(self) -> tuple[ScoreMetric, ...]:
        """What networks are measured by: loss, error, and what else the user asked for."""
        standard = STANDARD if self.task is None else (self.task.loss, self.task.error)
        return (*standard, *(score.metric for score in self.resources.sources.scores))

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of weights and arithmetic."""
        return self.resources.dtype

    @property
    def graph(self) -> Graph:
        """The graph of the model."""
        return self.resources.graph

    @property
    def permutation_spec(self) -> PermutationSpec:
        """What may be permuted in every network without a change of its function."""
        return self.symmetries.spec

    @property
    def linear_spec(self) -> LinearSpec:
        """Which linear maps keep the function of the model's networks in canonical form."""
        return self.symmetries.first.linear

    @property
    def left_out(self) -> frozenset[str]:
        """The tensors that are not compared: of other shapes, on one side only, or excepted."""
        return self.resources.left_out

    def doubt(self, reason: str, **where: str) -> None:
        """Tell the user why numbers can carry no verdict, and let no gate judge them.

        Args:
            reason: in one sentence.
            where: the coordinates of the numbers, such as ``variant="align"``; none for all.
        """
        self.doubts.add(reason, **where)

    def weights(self, index: int) -> Weights:
        """Return the tensors of a checkpoint, on the device: floats in the run's dtype.

        Their names are those of the module's ``state_dict``; tensors that the model ties are there
        once, under the first of their names in the model.  Four networks stay in memory; one that
        is asked for again after others is read again.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        return self.resources.weights(index)

    def split(self, name: str) -> Split:
        """Return a split to evaluate on, at most ``--limit`` examples of it.

        Inputs that can hardly be normalised as in training are a doubt of what is measured on it.
        """
        split = self.resources.split(name)
        self.doubts.look_at(split, self.checkpoints)
        return split

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that the user asked to evaluate on."""
        return tuple(self.split(name) for name in self.settings.splits)

    def _calibration_examples(self) -> Split:
        """Return the calibration examples; those of the data are like what is evaluated."""
        split = self.resources.calibration
        if self.resources.sources.calib is not None:
            self.doubts.look_at(split, self.checkpoints)
        return split

    def map(
        self,
        items: Iterable[Item],
        compute: Callable[[Item], Value],
        *,
        key: Callable[[Item], str] = str,
        description: str = "items",
    ) -> list[Value]:
        """Return ``compute(item)`` of each item, in the order of the items.

        This is where a run spreads over workers, if the user asks for it: they compute items in
        any order, and here each is computed again from what they wrote.  So no item may depend on
        another, and what takes long must be one that ``--resume`` finds again: ``evaluate``,
        ``read``, ``scores``, ``align``, statistics of the calibration.

        Args:
            items: pairs, steps or other things that can be measured one by one.
            compute: measures one.
            key: what an item is called.
            description: what the progress bar says.
        """
        listed = list(items)
        values: dict[int, Value] = {}
        with (
            self.progress(len(listed), description) as advance,
            closing(
                self.spread.order(description, [*map(key, listed)], advance, divided=True)
            ) as order,
        ):
            for number in order:
                values[number] = compute(listed[number])
        return [values[number] for number in range(len(listed))]

    def afresh(self) -> Run:
        """Return this run with the same examples and networks, as it was before it measured any.

        How networks are evaluated is settled for both.
        """
        other = copy(self)
        other.doubts = Doubts(self.note)
        other._calibrate()
        if self.task is not None:  # lists of what is measured are gone through again
            other.evaluator = self.evaluator.afresh()
        other.__dict__.pop("_judged_ends", None)
        return other

    def generator(self, name: str) -> torch.Generator:
        """Return a generator on the CPU of its own for each named use, from the run's seed.

        Each call with the same name begins again: two networks can be given the same numbers.
        """
        return generator(self.settings.seed, name)

    def evaluate(
        self,
        networks: Iterable[Weights],
        splits: Sequence[Split] = (),
        *,
        count: int | None = None,
        per_example: bool = False,
        description: str = "evaluate",
    ) -> Scores:
        """Return loss, error and what else is asked for of every network on every split.

        Args:
            networks: weights of each network; a generator never has more than one at a time.
            splits: the splits, by default those the user asked for.
            count: how many networks there are, for the progress bar; by default their length.
            per_example: keep the loss and error of each example.
            description: what the progress bar says.
        """
        return self.evaluator.evaluate(
            networks,
            tuple(splits) or self.splits,
            count=count,
            per_example=per_example,
            description=description,
        )

    def outputs(
        self, weights: Weights, inputs: Tensor, *, batch_statistics: bool = False
    ) -> Tensor:
        """Return a network's scored output for a batch, (example, ...), as a function of weights.

        Gradients flow as those of ``loss`` do.

        Args:
            weights: the network: floats in the run's dtype, on its device.
            inputs: (example, ...) as the model sees them.
            batch_statistics: whether BatchNorms normalise by the batch, as they do in training,
                and not by the running statistics in the weights.

        Raises:
            LmctoolError: the model cannot take the batch.
            UnjudgedError: the model is no function.
        """
        forward = self.resources.forward
        with outside_transforms():
            if not is_transformed(inputs):
                forward.check(inputs[:EXAMPLES], (*self.settings.splits, "")[0])
            elif forward.answers is None:
                raise ValueError("ask for outputs of plain inputs once before torch.func maps them")
            if corrected_taps(weights):
                _ = self.graph
        with computing(self.settings.precision, self.device), forward.seeding():
            return outputs_of_batch(
                self.resources.network, weights, inputs, batch_statistics=batch_statistics
            )

    def loss(
        self, weights: Weights, batch: tuple[Tensor, Tensor], *, batch_statistics: bool = False
    ) -> Tensor:
        """Return the mean loss of a network on a batch, () float64, as a function of its weights.

        It is what ``evaluate`` gives for these examples alone: by the task, with its weights of
        examples, of the scored output, in the run's precision, BatchNorm by running statistics.
        Gradients flow to the tensors and to whatever they were computed from, ``@TAP.scale`` and
        ``@TAP.shift`` of corrections too.  Nothing of it is kept for ``--resume``.

        Args:
            weights: the network: floats in the run's dtype, on its device.
            batch: inputs as the model sees them and their targets, as ``Split`` gives them.
            batch_statistics: as ``outputs`` takes it.

        Raises:
            LmctoolError: no data is in use, or the model or the task cannot take the batch.
            UnjudgedError: the model is no function.
        """
        inputs, targets = batch
        with outside_transforms():
            task = self.evaluator.task
        outputs = self.outputs(weights, inputs, batch_statistics=batch_statistics)
        with computing(self.settings.precision, self.device):
            return loss_of_outputs(task, outputs, targets)

    def read(
        self,
        networks: Iterable[Weights],
        split: Split,
        function: Callable[[Tensor, Tensor], Tensor],
        *,
        count: int | None = None,
        description: str = "read",
        check: Callable[[Tensor, Tensor], None] | None = None,
    ) -> list[NDArray[np.float64]]:
        """Return what ``function(outputs, targets)`` makes of a split: (example, ...) a network.

        Args:
            networks: weights of each network; a generator never has more than one at a time.
            split: the split.
            function: takes a batch's outputs and targets, and returns (example, ...).  What a
                function of a module returned is kept for ``--resume``; what a lambda or a nested
                function did is not, for its name does not say what it is.
            count: how many networks there are, for the progress bar; by default their length.
            description: what the progress bar says.
            check: called once, with a batch's outputs and all targets of the split, before the
                function, which then need not wait for a GPU to look at them; raises where the
                function cannot take them.
        """
        return self.evaluator.read(
            networks, split, function, count=count, description=description, check=check
        )

    def activations(
        self, networks: Sequence[Weights], targets: Sequence[Target], split: Split, size: int
    ) -> Iterator[Iterator[Mapping[str, Tensor]]]:
        """Yield on batch after batch what each network in turn puts out, at targets by their taps.

        Each value is (example, position, channel): a position is a pixel, a token, or the only one.
        It is what the rest of the network sees, after the weights' own corrections, in the run's
        dtype and without gradients.  A network runs when it is asked for, so that no other's values
        need be there; all are shown the same examples.  Nothing of it is kept for ``--resume``.

        Args:
            networks: the networks.
            targets: of ``run.resources.layer_outputs()``.
            split: the examples, such as one of ``run.splits``.
            size: how many of them a batch has at most, which are as equal as they can be.
        """
        several = [(self.symmetries.graph_of(weights), weights) for weights in networks]
        batches = input_batches(split, size, self.dtype, lambda: self.graph, self.device)
        what, count = f"activations on {split.name}", len(networks)
        with self.progress(count, what, networks=True) as advance:
            shown = counted(batches, in_all(advance, count, len(split)))
            yield from activations(self.resources, several, targets, shown)

    def score_outputs(self, outputs: NDArray[np.float64], split: Split) -> Scores:
        """Return the scores of a network whose outputs for a whole split are known.

        Args:
            outputs: (example, ...), such as ``read`` gave them, changed in some way.
            split: the examples.

        Raises:
            LmctoolError: no data is in use, or the task or a score cannot take the outputs.
        """
        import torch

        given = torch.from_numpy(outputs).to(self.device)
        evaluator = self.evaluator
        return of_outputs(given, split, evaluator.task, evaluator.others)

    def scores(self, indices: Sequence[int], splits: Sequence[Split] = ()) -> Scores:
        """Return the scores of checkpoints by index, per example too; each is evaluated once."""
        return self.evaluator.of_checkpoints(self.weights, indices, tuple(splits) or self.splits)

    @property
    def ends(self) -> Scores:
        """The scores of the checkpoints that are arguments; those at chance are noted.

        Where tensors are left out, others may have other classes: then of the first alone.

        Raises:
            UnjudgedError: every one of them answers at chance, or its loss isn't a number.
        """
        return self._judged_ends[0]

    @property
    def guesses(self) -> tuple[Guess, ...]:
        """The ends that answer at chance, where others don't and nobody said that it is meant."""
        return () if self.settings.allow_chance else self._judged_ends[1]

    @cached_property
    def _judged_ends(self) -> tuple[Scores, tuple[Guess, ...]]:
        scored = 1 if self.left_out else self.count
        scores = self.scores(range(scored))
        guesses = check_ends(
            scores,
            [checkpoint.path for checkpoint in self.checkpoints[:scored]],
            self.evaluator.task,
            [self.split(name) for name in scores.splits],
            allow_chance=self.settings.allow_chance,
        )
        for guess in guesses:
            self.note(guess.reason)
        return scores, guesses

    @cached_property
    def evaluator(self) -> Evaluator:
        """What measures networks on splits.

        Raises:
            LmctoolError: no data is in use.
        """
        task = self.resources.task
        if task is None:
            raise LmctoolError(
                f"analysis {self.name!r} asked for scores, but no data is in use;"
                " name data with --data"
            )
        return Evaluator(
            self.resources.network,
            self.settings.strategy,
            self.settings.device == MPS,
            task.task,
            task.name,
            self.device,
            self.dtype,
            self.settings.precision,
            self.batch_size,
            self.progress,
            self.journal,
            self.spread,
            self.resources.forward.check,
            self.resources.forward.seeding,
            self._repeats,
            self.resources.sources.scores,
        )

    @cached_property
    def files(self) -> Provenance:
        """The provenance as far as files, code, programs and the machine make it."""
        return files(self)

    @cached_property
    def probe(self) -> tuple[str, ...]:
        """The losses of the first checkpoint on a few examples, to the bit; empty without data.

        Raises:
            UnjudgedError: the model is no function.
            LmctoolError: it cannot take the examples.
        """
        if self.task is None or self.model is None or not self.settings.splits:
            return ()
        split, network = self.splits[0], self.resources.network
        self.resources.forward.check(split.head(EXAMPLES, self.dtype), split.name)
        with computing(self.settings.precision, self.device), self.resources.forward.seeding():
            others = self.resources.sources.scores
            return probe(network, self.weights(0), split, self.task, self.dtype, others)

    @property
    def strategy(self) -> Strategy | None:
        """How networks were evaluated; None if none was."""
        return self.evaluator.strategy if "evaluator" in self.__dict__ else None

    def follow(
        self,
        variants: Sequence[Variant],
        alpha: NDArray[np.float64],
        *,
        per_example: bool = False,
        splits: Sequence[Split] = (),
    ) -> Curves:
        """Return loss and error of variants of one pair at alphas that rise from 0 to 1.

        Those of the ends are ``scores``.  B in A's order has B's where ``permuted_alike``, and is
        measured elsewhere.  The splits are those that the user asked for, unless others are named.
        """
        ends = self.scores(variants[0].ends, splits)
        return path.follow(
            partial(self.evaluate, splits=splits),
            ends,
            variants,
            alpha,
            per_example=per_example,
            ending_alike=self.ending_alike(variants),
        )

    def ending_alike(self, variants: Sequence[Variant]) -> list[int]:
        """Return the places of variants that end in a permuted B and take B's scores there.

        The record of the run says it from then on.
        """
        if not self.permuted_alike:
            return []
        alike = [n for n, each in enumerate(variants) if isinstance(each.transform, Permutation)]
        self.ends_shared |= bool(alike)
        return alike

    def count_followed(self, alphas: int) -> int:
        """Return how many networks ``follow`` measures at so many alphas, beside the ends."""
        ends = self.settings.aligns and not self.permuted_alike
        return len(self.variant_names) * (alphas - 2) + ends

    @property
    def permuted_alike(self) -> bool:
        """Whether paths take the scores of B for those of B in A's order.

        They are one function: the permutation follows from the graph and is proved.  Numbers
        differ by the rounding of sums in another order, about 1e-7 in float32.  Not where more
        than this may lie between the two: under fewer digits, in canonical form, for networks
        that draw random numbers, and where tensors are left out, which are A's in both.
        """
        return (
            self.settings.aligns
            and self.settings.precision == "float32"
            and not self.resources.canonical
            and not self.resources.forward.stochastic
            and not self.left_out
        )

    def insert(
        self, variants: Sequence[Variant], curves: Curves, alpha: NDArray[np.float64]
    ) -> Curves:
        """Return curves of the same variants with more alphas, strictly between 0 and 1."""
        return path.insert(self.evaluate, variants, curves, alpha)

    def match(self, name: str, a: Weights, b: Weights, **options: Any) -> Alignment:
        """Return what an aligner finds, without a proof: where another one may start from.

        Args:
            name: the aligner's registered word.
            a: the first network, as ``frame`` returns it.
            b: the second.
            options: values of the aligner's own options; the others have their defaults.

        Raises:
            PluginError: there is no such aligner, or it returns something else than an alignment.
        """
        return self.alignments.match(name, a, b, options)

    def align(self, a: Weights, b: Weights) -> Transform:
        """Return the transform that brings ``run.frame(b)`` into the frame of A, proved.

        The aligner is the one the user named; what a result holds may take its place.

        Raises:
            LmctoolError: no aligner was named, or the stored transform is of another model.
            UnjudgedError: the transform, or the canonical form, is another function.
        """
        return self._align(self.frame(a), self.frame(b))

    def _align(self, a: Weights, b: Weights) -> Transform:
        transform = self.alignments.align(a, b)
        self.doubts.count_units(*self.symmetries.units, everywhere=self._always_aligns)
        return transform

    def frame(self, weights: Weights) -> Weights:
        """Return a network as aligned paths have it: what ``align`` finds a transform of.

        Where the user named an aligner of networks in canonical form that is the network in
        canonical form, proved; else it is the network itself.

        Raises:
            UnjudgedError: the canonical form is another function.
        """
        return self.forms.of(weights) if self.resources.canonical else weights

    def prove(self, weights: Weights, transform: Transform) -> Proof:
        """Prove that a transform keeps a network's function, for the result to hold it.

        Raises:
            UnjudgedError: it does not.
        """
        return self.alignments.prove(weights, Alignment(transform))

    def squared_norms(self, a: Weights, b: Weights, names: Sequence[str]) -> NDArray[np.float64]:
        """Return the squared norms of A, B and A - B over some tensors, (square,): once in a run.

        Args:
            a: the first network.
            b: the second.
            names: the tensors, of floats.
        """
        with self.journal.entries("squared norms", list(names)) as entries:
            entry = entries.entry(lambda: [identity(a), identity(b)])
            squares: NDArray[np.float64]
            if entry.arrays is not None:
                squares = entry.arrays["squares"]
            else:
                squares = squared_norms_of_weights([a, b], names).sum(axis=0)
                entry.keep(lambda: {"squares": squares})
            return squares

    def kept(
        self,
        what: str,
        compute: Callable[[], Mapping[str, NDArray[Any]]],
        *,
        networks: Sequence[Weights] = (),
        splits: Sequence[Split] = (),
        of: Sequence[Any] = (),
    ) -> Mapping[str, NDArray[Any]]:
        """Return the arrays that ``compute`` does; ``--resume`` and other workers find them again.

        It is for long work that no other member keeps, such as what is learned by ``loss``.  What
        it depends on must be said in full: the code, the options that all analyses have, and the
        precision are said already.

        Args:
            what: what is computed, in a few words that the analysis uses once.
            compute: computes it.
            networks: those that it is computed of.
            splits: those whose examples are looked at.
            of: what else decides the arrays: texts, numbers, lists and dicts of these.
        """
        examples = [split.recipe for split in splits]
        way = [self.task_name, str(self.dtype), self.settings.precision, self.device.type]
        with self.journal.entries("kept", self.name, what, *way, self.settings.seed) as entries:
            entry = entries.entry(lambda: [[*map(identity, networks)], examples, list(of)])
            if entry.arrays is not None:
                return entry.arrays
            arrays = compute()
            entry.keep(lambda: arrays)
            return arrays

    def completed(self, weights: Weights) -> Weights:
        """Return a network with the first one's tensors in place of those that are left out."""
        if not self.left_out:
            return weights
        first = self.weights(0)
        tensors = {name: (first if name in self.left_out else weights)[name] for name in first}
        return derived(tensors, "completed", (weights, first), lambda: sorted(self.left_out))

    @property
    def variant_names(self) -> tuple[str, ...]:
        """The names of the variants that ``variants`` returns."""
        settings = self.settings
        return variant_names(aligns=settings.aligns, corrects=settings.correction is not None)

    def variants(
        self,
        first: int = 0,
        second: int = 1,
        *,
        storable: bool = False,
        outputs_alone: bool = False,
    ) -> tuple[Variant, ...]:
        """Return the paths from one checkpoint to another that the flags ask for.

        ``plain`` always; with an aligner ``align``; with a correction ``repair``, or
        ``align+repair`` where there is an aligner too.  All go to B with A's tensors in place of
        those that are left out.

        Args:
            first: the index of the checkpoint at alpha 0.
            second: the index of the checkpoint at alpha 1.
            storable: corrected weights must fit the model's own tensors.
            outputs_alone: neither the tensors of corrected networks nor values inside them will be
                looked at: a correction may take others of the same outputs, in fewer passes.
        """
        if is_adapter(self.checkpoints[first]):
            self.note(
                "the path is straight in the factors A and B of LoRA, each by itself, and not in"
                " the updates B A of the weights"
            )
        return variants(
            self.weights(first),
            self.weights(second),
            (first, second),
            align=self._aligned if self.settings.aligns else None,
            complete=self.completed,
            correct=chosen_correction(self, storable=storable, outputs_alone=outputs_alone),
            mix=self.batchnorm,
        )

    @property
    def merge_method(self) -> MergeMethod:
        """The way to make one network of several that the user named.

        Raises:
            LmctoolError: none was named, or it cannot be used.
        """
        return MergeMethod(self)

    def _note_halving(self) -> None:
        self.note(
            f"memory ran out; batches are of {self.batch_size.size} examples from here on, and what"
            " was measured before may differ from a run of that size by rounding"
        )

    def _ask_aligner(
        self, aligner: Aligner, a: Weights, b: Weights, options: Mapping[str, Any]
    ) -> object:
        with (
            arithmetic(self.settings.precision, self.device),
            exact_products(self.device),
            self.resources.forward.seeding(),
        ):
            return aligner.align(self, a, b, **options)

    def _examples_of(self, aligner: Aligner, options: Mapping[str, Any]) -> str:
        looks = aligner.looks_at_data(options) and self.data is not None
        return self.calibration.recipe if looks else ""

    def _aligned(self, a: Weights, b: Weights) -> tuple[Transform, Weights, Weights]:
        a, b = self.frame(a), self.frame(b)
        transform = self._align(a, b)
        return transform, a, transformed(transform, b)
