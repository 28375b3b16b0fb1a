"""The symmetries of a run's model: what may be permuted, on every path, and the proof of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from lmctool.errors import UnjudgedError
from lmctool.evaluate.arithmetic import arithmetic, exact_products
from lmctool.graph.paths import Paths, follow
from lmctool.run.resources import TRACED
from lmctool.symmetry import PermutationSpec, derive, prove, read_spec
from lmctool.symmetry.describe import hidden_units
from lmctool.symmetry.linear.derive import derive_linear
from lmctool.symmetry.propagate import UNREAD

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.run.resources import Resources
    from lmctool.symmetry import Proof
    from lmctool.symmetry.linear.spec import LinearSpec
    from lmctool.symmetry.proof import Change
    from lmctool.symmetry.spec import Tap
    from lmctool.weights.arithmetic import Weights

PROVED = 32
"""Examples that a permutation is proved on."""
DRAWS = range(8)
"""Seeds that a model which draws random numbers is proved with, each of which may take a path."""
NAMED = 5
"""How many tensors a sentence names."""


class Symmetries:
    """What may be permuted in the model of a run.

    A model that torch.export follows has one path for all inputs.  Of any other, the paths that
    real examples take are followed; units move only where they may on each of these, and what no
    path reads is evidence of one that none of the examples took.
    """

    def __init__(self, resources: Resources) -> None:
        """Keep what the run works on; nothing is derived yet."""
        self.resources = resources

    @cached_property
    def paths(self) -> Paths:
        """The paths that the examples of the proof take through the model."""
        inputs = _batch(self.resources.example(PROVED))
        graph = self.resources.graph
        if graph.tracer == "export":
            return Paths(graph, (inputs,))
        traced = _batch(self.resources.traced(TRACED))
        resources = self.resources
        with (
            arithmetic(resources.settings.precision, resources.device),
            resources.forward.seeding(),
        ):
            return follow(self.resources.module, graph, traced, inputs)

    @cached_property
    def spec(self) -> PermutationSpec:
        """What may be permuted in the model without a change of its function.

        Raises:
            UnjudgedError: the model has tensors of a path that no example took.
            LmctoolError: the spec file cannot be read, or doesn't fit the model.
        """
        graph, file = self.paths.graph, self.resources.settings.spec
        spec = derive(graph) if file is None else read_spec(file, graph)
        if graph.tracer == "export" and not self.resources.forward.stochastic:
            if spec.groups and (unread := self._unread(spec)):
                self.resources.note(
                    f"no output needs {unread} in evaluation mode: left as they are, though units"
                    " that they would read in training may move"
                )
            return spec
        self._refuse_unread(spec)
        nodes = {node.name for node in self.resources.graph.nodes}

        def visible(taps: tuple[Tap, ...]) -> tuple[Tap, ...]:
            return tuple(tap for tap in taps if tap.node in nodes)

        return replace(
            spec,
            taps={group: visible(taps) for group, taps in spec.taps.items()},
            pretaps={group: visible(taps) for group, taps in spec.pretaps.items()},
        )

    @cached_property
    def linear(self) -> LinearSpec:
        """Which linear maps keep the function of the model's networks in canonical form."""
        return derive_linear(self.paths.graph, self.spec)

    def _refuse_unread(self, spec: PermutationSpec) -> None:
        if unread := self._unread(spec):
            raise UnjudgedError(
                f"the model's path depends on its inputs, and none that was seen reads {unread},"
                " so that units may not be permuted: another path may; name examples that take"
                " it, or a --spec file that fixes these tensors if nothing ever reads them"
            )

    def _unread(self, spec: PermutationSpec) -> str:
        """Return in words which tensors of floats no output needs; empty if all are needed."""
        graph = self.paths.graph
        floats = {
            graph.tensors[node.name]
            for node in graph.nodes
            if node.name in graph.tensors and node.meta["val"].is_floating_point()
        }
        unread = {n: None for (n, _), why in spec.fixed.items() if why == UNREAD and n in floats}
        more = f" and {len(unread) - NAMED} more" if len(unread) > NAMED else ""
        return ", ".join(map(repr, list(unread)[:NAMED])) + more

    @cached_property
    def units(self) -> tuple[int, int]:
        """How many hidden units may move, and how many there are."""
        units = hidden_units(self.spec, self.paths.graph)
        return units.movable, units.total

    def prove(self, weights: Weights, change: Change, noun: str = "") -> Proof:
        """Compare a network with its changed self on examples of every path; the weakest proof.

        Args:
            weights: the network.
            change: a transform of it, or what returns it changed.
            noun: what the change is called, if not a permutation or transform.

        Raises:
            UnjudgedError: it is another function.
        """
        resources = self.resources
        # whose values are of no use where the network that is proved brings all of its own
        module = resources.model.module if resources.passes else resources.module
        draws = DRAWS if resources.forward.stochastic else (0,)
        batches: tuple[tuple[Tensor, ...], ...] = self.paths.inputs
        precision, device = self.resources.settings.precision, self.resources.device
        with arithmetic(precision, device), exact_products(device):
            proofs = [
                prove(module, weights, change, inputs, seed, noun=noun)
                for inputs, seed in product(batches, draws)
            ]
        weakest = min(proofs, key=lambda proof: proof.margin)
        return replace(weakest, examples=sum(len(inputs[0]) for inputs in batches))


def _batch(inputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return inputs if isinstance(inputs, tuple) else (inputs,)
