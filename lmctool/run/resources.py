"""What a run works on: its checkpoints, model and data, opened and resolved."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from lmctool.checkpoint.checkpoint import Checkpoint, open_checkpoints
from lmctool.checkpoint.notes import notes_on
from lmctool.checkpoint.overlap import Overlap, overlap
from lmctool.data.subset import seed_of_draw
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network
from lmctool.evaluate.arithmetic import arithmetic
from lmctool.evaluate.function_check import EXAMPLES
from lmctool.evaluate.switches import kept
from lmctool.graph.capture import capture, exported
from lmctool.graph.targets import Kind, Target, batchnorms, layer_outputs, targets
from lmctool.graph.unrecognised import check_batchnorms, check_layers
from lmctool.model.tied import first_names, once
from lmctool.model.untied import untie
from lmctool.run.activations import computing
from lmctool.run.calibration_set import OWNER, calibration_set
from lmctool.run.canonical_choice import aligns_canonically
from lmctool.run.draws import Draw
from lmctool.run.forward import Forward
from lmctool.run.graph_place import graph_place
from lmctool.run.loaded_weights import LoadedWeights
from lmctool.run.preparation import preparation
from lmctool.run.sources import find_sources
from lmctool.run.splits import Splits
from lmctool.run.suited_task import suited_task
from lmctool.statistics import example_layout, values
from lmctool.weights.grouping import parts
from lmctool.weights.streamed import streams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from lmctool.data.resolve import Data
    from lmctool.data.split import Split
    from lmctool.graph.graph import Graph
    from lmctool.model.example import Inputs
    from lmctool.model.resolve import Model
    from lmctool.plugin.data_records import Preprocessing
    from lmctool.plugin.records import Analysis
    from lmctool.plugin.settings import Settings
    from lmctool.run.task import NamedTask
    from lmctool.statistics import ExampleLayout
    from lmctool.weights.arithmetic import Weights

TRACED = 2
"""Examples that a model is followed with."""
TOLD_BY = 5
"""Examples that tell where in a value they lie; a prime divides few sizes of other axes."""


class Resources:
    """The checkpoints, the model and the data of one run of one analysis.

    Attributes:
        name: the analysis.
        settings: what the user asked, with the dtype that ``auto`` is.
        cache: what is kept for later runs, and found of earlier ones.
        checkpoints: the files, opened but not read: the arguments, then those that options name.
        sources: the model, the data, the task and the example input, and where each was found.
        device: where the work is done.
        dtype: the dtype of weights and arithmetic.
        note: tells the user something worth knowing.
        splits: the splits of the data, and of a calibration set that has data of its own.
        forward: the model as a function of its inputs.
        own: the resources of each checkpoint that has a model of its own, by index.
        ties: the tensor that the model tied each of these to, where a run unties them.
        corrected: how many layers and blocks were corrected; empty where nothing was.
        loaded: reads the weights of the checkpoints.
        drawn: the draws of the calibration examples that were read so far, by number.
    """

    def __init__(
        self,
        name: str,
        analysis: Analysis,
        settings: Settings,
        device: torch.device,
        note: Callable[[str], None],
        *,
        writes: bool,
    ) -> None:
        """Open and resolve all that the analysis needs.

        ``writes`` says whether a checkpoint will be written.

        Raises:
            LmctoolError: something named isn't there, can't be read, or doesn't fit together.
        """
        self.name = name
        self.device = device
        self.cache = settings.cache
        paths = (*settings.checkpoints, *settings.others)
        opened = open_checkpoints(paths, settings.naming, settings.given.networks)
        if settings.dtype == "auto":
            doubles = writes and any("F64" in each.dtypes.values() for each in opened)
            settings = replace(settings, dtype="float64" if doubles else "float32")
        self.settings = settings
        self.dtype: torch.dtype = getattr(torch, settings.dtype)
        self.sources = find_sources(opened, analysis, settings, device)
        self.checkpoints: tuple[Checkpoint, ...] = self.sources.checkpoints
        self.note = note
        for sentence in notes_on(self.checkpoints):
            note(sentence)
        for sentence in self.sources.data.dataset.read_as if self.sources.data else ():
            note(sentence)
        for sentence in self.sources.calib.dataset.read_as if self.sources.calib else ():
            note(f"{OWNER}: {sentence}")
        if self.sources.example is not None and self.sources.example.doubled:
            note(f"{self.sources.example.spec}: one alone does not tell its axis from the others")
        self._preparation = cache(partial(preparation, self.sources, settings, note))
        self._calib = self._calib_prepared()
        self._partial = analysis.partial
        self.ties = self._untied()
        self.corrected: dict[str, int] = {}
        self.drawn: dict[int, Draw] = {}
        self._load()
        self.own = {index: self._of_one(index, m) for index, m in self.sources.own_models.items()}

    def _load(self) -> None:
        """Begin with no split and no weights read, and a model that nobody looked at."""
        model, device = self.sources.model, self.device
        module = None if model is None else model.module
        self.splits = Splits(
            self.name,
            self.sources.data,
            self.settings,
            device,
            module,
            self._preparation,
            self._calib,
        )
        self.loaded = LoadedWeights(
            self.checkpoints,
            model,
            self.dtype,
            device,
            self.ties,
            passes=self.sources.data is None,  # else networks are evaluated
        )
        self.forward = Forward(self)

    def _untied(self) -> dict[str, str]:
        """Untie the tensors of the model where networks are aligned in canonical form."""
        if self.sources.model is None or not self.canonical:
            return {}
        ties = untie(self.sources.model.module)
        for name, first in ties.items():
            self.note(
                f"{name} is untied from {first}: networks are aligned, and written, with a tensor"
                " for each"
            )
        return ties

    def _calib_prepared(self) -> tuple[Data, Callable[[], Preprocessing]] | None:
        """Return the calibration set that has data of its own, and how its images become inputs."""
        calib = self.sources.calib
        if calib is None:
            return None
        sources = replace(self.sources, data=calib)

        def tell(sentence: str) -> None:
            self.note(f"{OWNER}: {sentence}")

        return calib, cache(partial(preparation, sources, self.settings, tell))

    def _of_one(self, index: int, model: Model) -> Resources:
        """Return the same data and settings for one of the checkpoints and its own model."""
        own = copy(self)
        own.checkpoints = (self.checkpoints[index],)
        own.sources = replace(self.sources, model=model, own_models={})
        own.own = {}
        own._load()
        return own

    @cached_property
    def canonical(self) -> bool:
        """Whether networks are aligned in canonical form: by an aligner or a result that is so."""
        return aligns_canonically(self.settings)

    @property
    def models(self) -> Mapping[int, Model]:
        """The first checkpoint's model, and those of checkpoints that it does not fit, by index."""
        model = self.sources.model
        return {} if model is None else {0: model, **self.sources.own_models}

    def owner(self, index: int) -> Resources:
        """Return the resources that have a checkpoint's model."""
        return self.own.get(index, self)

    @cached_property
    def overlap(self) -> Overlap:
        """What the checkpoints have in common."""
        return overlap(self.checkpoints, self.settings.excepted)

    @cached_property
    def left_out(self) -> frozenset[str]:
        """The tensors that are not compared, also under the names that ``weights`` has them by."""
        if self._partial == "never":
            return frozenset()
        names = frozenset(
            name
            for name, each in self.overlap.left_out.items()
            if each.excepted or self._partial == "fitting"
        )
        if self.sources.model is None:
            return names
        return names | {first_names(self.model.module).get(name, name) for name in names}

    def weights(self, index: int) -> Weights:
        """Return the tensors of a checkpoint, on the device: floats in the run's dtype.

        Tensors that the model ties are there once, under the first of their names in the model.

        Raises:
            UnjudgedError: a tensor holds NaN or infinity.
            LmctoolError: tensors that the model ties differ.
        """
        if index in self.own:
            return self.own[index].weights(0)
        return self.loaded.weights(index)

    def check_module(self) -> None:
        """Check that the module, which shares the first checkpoint's tensors, is as it was.

        Raises:
            PluginError: somebody wrote into it.
        """
        for each in (self, *self.own.values()):
            each.loaded.check()

    @property
    def model(self) -> Model:
        """The model.

        Raises:
            LmctoolError: the analysis has none.
        """
        if self.sources.model is None:
            raise LmctoolError(f"analysis {self.name!r} asked for a model without needing one")
        return self.sources.model

    @property
    def passes(self) -> bool:
        """Whether the first network is large, and nobody needs all of it in memory yet."""
        return streams(self.loaded.weights(0))

    def note_held(self, why: str) -> None:
        """Tell the user why the tensors of a large network do not pass through memory."""
        self.note(
            "the first network is held in memory as a whole: its tensors were to pass one by one,"
            f" but {why}"
        )

    @property
    def module(self) -> nn.Module:
        """The module, on the device, in evaluation mode; its tensors are the first checkpoint's.

        It shares them with ``run.weights(0)``: whoever writes to them is refused.  Hooks must be
        removed again.
        """
        self.loaded.lend()
        return self.model.module

    def initial(self, seed: int) -> Weights:
        """Return the weights that the model's own initialiser gives for a seed."""
        with kept():  # what makes a model may set switches of torch each time
            state = self.model.initial(seed).to(self.device, self.dtype).state_dict()
        return once(state, self.model.module)

    def parts(self, by: str) -> dict[str, tuple[str, ...]]:
        """Return the names of the tensors of each part of the network, in the model's order.

        Args:
            by: ``layer``, ``block``, ``group``, ``kind``, a shell pattern or a regular
                expression; see ``lmctool.weights.grouping``.

        Raises:
            LmctoolError: the word is none of these, or matches no name.
        """
        shapes = self.checkpoints[0].shapes
        if self.sources.model is not None:
            module = self.sources.model.module
            own = once(module.state_dict(), module)
            shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
        return parts(shapes, by)

    @cached_property
    def task(self) -> NamedTask | None:
        """What loss and error mean; None without data.

        Raises:
            LmctoolError: the model, which tells too, cannot take the data.
            UnjudgedError: the model is no function.
        """
        return suited_task(self)

    def split(self, name: str) -> Split:
        """Return a split to evaluate on, at most ``--limit`` examples of it; it is told which."""
        split = self.splits.open(name, self.settings.limit)
        if told := split.told:
            self.note(told)
        return split

    @cached_property
    def calibration(self) -> Split:
        """The examples that statistics are taken on.

        Raises:
            LmctoolError: as ``lmctool.run.calibration_set`` says.
        """
        split, draw = calibration_set(self), self.settings.draw
        seed = seed_of_draw(self.settings.subset_seed, draw)
        self.drawn[draw] = Draw(seed, split.digest, split.index)
        return split

    def redrawn(self, draw: int) -> Resources:
        """Return the same resources with other calibration examples: those of one draw."""
        other = copy(self)
        other.settings = replace(self.settings, draws=1, draw=draw)
        other.__dict__.pop("calibration", None)
        return other

    def draw(self, number: int) -> Draw:
        """Return what one draw of the calibration examples is; it is read where it wasn't yet."""
        if number not in self.drawn:
            _ = self.redrawn(number).calibration
        return self.drawn[number]

    @property
    def calibrated(self) -> bool:
        """Whether the calibration examples were asked for."""
        return "calibration" in self.__dict__

    def example(self, count: int) -> Inputs:
        """Return inputs: the first calibration examples, else the whole example input.

        Args:
            count: how many calibration examples at most.

        Raises:
            LmctoolError: there is neither.
        """
        if self.sources.data is None and self.sources.example is not None:
            return self.sources.example.inputs
        return self.calibration.head(count, self.dtype)

    @cached_property
    def graph(self) -> Graph:
        """The graph of the model."""
        split = (*self.settings.splits, "")[0] if self.sources.data is not None else ""
        self.forward.check(self.traced(EXAMPLES), split)
        with arithmetic(self.settings.precision, self.device), self.forward.seeding():
            traced, setting = self.traced(TRACED), f"{self.device.type} {self.settings.precision}"
            if self.passes:
                shell = self.loaded.shell if self.forward.output is None else None
                graph = None if shell is None else exported(shell, traced)
                if graph is not None:
                    return graph
                self.note_held("without their values the model cannot be followed to one output")
            kept = graph_place(self.cache, self.model, setting)
            return capture(self.module, traced, self.forward.output, kept)

    def traced(self, count: int) -> Inputs:
        """Return the inputs that the model is followed with: the first that it is evaluated on.

        Args:
            count: how many examples at most.
        """
        splits = self.settings.splits if self.sources.data is not None else ()
        return self.split(splits[0]).head(count, self.dtype) if splits else self.example(count)

    @cached_property
    def graph_of_user_code(self) -> str:
        """The digest of the graph of a model that the user's own code made or makes; else empty.

        It tells what the source does not, such as a file that the code reads.
        """
        model = self.sources.model
        if model is None or not (model.given or model.code.sources):
            return ""
        try:
            return self.graph.fingerprint
        except LmctoolError:  # it cannot be traced
            return ""

    def targets(self, kind: Kind) -> tuple[Target, ...]:
        """Return the places that REPAIR corrects: ``layers``, ``blocks`` or ``both``.

        Where of both there is one alone, the user is told.

        Raises:
            LmctoolError: there is none, though layers ran.
        """
        found = targets(self.graph, kind)
        if not found:
            check_layers(self.graph, self.module)
        only = {target.kind for target in found}
        if kind == "both" and len(only) == 1:
            other = "residual block" if only == {"layer"} else "layer"
            self.note(
                f"no {other} was found in this model, so that of layers and blocks it has"
                f" {only.pop()}s alone"
            )
        return found

    def layer_outputs(self) -> tuple[Target, ...]:
        """Return the outputs of layers and residual blocks, in order; the last is the model's own.

        They are what ``run.activations`` shows.  Those that have no part for each example, as of
        experts that are given tokens of several, are left out, and the user is told.

        Raises:
            LmctoolError: none is left.
        """
        found = layer_outputs(self.graph)
        without = [target.name for target in found if target.tap not in self.example_layouts]
        if len(without) == len(found):
            raise LmctoolError("no layer of this model has an output for each example by itself")
        if without:
            self.note(
                f"{len(without)} outputs have no part for each example and are left out:"
                f" {', '.join(without[:4])}{', ...' if len(without) > 4 else ''}"
            )
        return tuple(target for target in found if target.tap in self.example_layouts)

    @cached_property
    def example_layouts(self) -> dict[str, ExampleLayout]:
        """Where the examples lie in what each layer and block puts out, by node.

        A shape doesn't tell it, for within a layer examples and positions may be one axis in either
        order; so two passes do, of which one has the same examples in another order.
        """
        found = layer_outputs(self.graph)
        inputs, nodes = self._told_by, [target.tap for target in found]
        shown = values(self.graph, self.weights(0), nodes)
        with computing(self):
            value = shown(inputs)
        with computing(self):  # the seeds begin again
            cycled = shown(inputs.roll(-1, 0))
        compare = not self.forward.stochastic
        layouts = {
            tap: example_layout(value[tap], cycled[tap], axis, len(inputs), compare=compare)
            for tap, axis in ((target.tap, target.axis) for target in found)
        }
        return {tap: layout for tap, layout in layouts.items() if layout is not None}

    @property
    def _told_by(self) -> Tensor:
        """The examples that tell where in a value they lie.

        Raises:
            LmctoolError: the model takes several inputs.
        """
        inputs = self.traced(TOLD_BY)
        if isinstance(inputs, tuple):
            raise LmctoolError(
                f"layers are looked at on examples of one input, and this model takes {len(inputs)}"
            )
        return inputs

    def batchnorms(self) -> tuple[Target, ...]:
        """Return the inputs of the BatchNorms.

        Raises:
            LmctoolError: one ran that is not found.
        """
        check_batchnorms(self.graph, self.module)
        return batchnorms(self.graph)

    @cached_property
    def network(self) -> Network:
        """The forward function of the model."""
        return Network(self.module, lambda: self.graph, output=self.forward.output)
