"""The symmetries of a run's networks, where some of them have models of their own."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lmctool.model.shapes import shapes_of
from lmctool.model.tied import first_names
from lmctool.run.symmetries import Symmetries
from lmctool.symmetry import Permutation
from lmctool.symmetry.common_spec import common_spec
from lmctool.symmetry.linear.transform import LinearTransform
from lmctool.symmetry.stored import Tensors

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph
    from lmctool.run.resources import Resources
    from lmctool.symmetry import PermutationSpec, Proof
    from lmctool.symmetry.proof import Change
    from lmctool.symmetry.transform import Transform
    from lmctool.weights.arithmetic import Weights


class CommonSymmetries:
    """What may be permuted in every network of a run alike, and in each by itself.

    A network whose head or vocabulary is another has a model, a graph and a spec of its own.  An
    aligner sees what it has in common with the first network; the permutation that is applied and
    proved is one of its own spec, in which its head is permuted along.
    """

    def __init__(self, resources: Resources) -> None:
        """Keep what the run works on; nothing is derived yet."""
        self.resources = resources
        self.first = Symmetries(resources)
        self.own = {index: Symmetries(own) for index, own in resources.own.items()}

    @cached_property
    def spec(self) -> PermutationSpec:
        """What may be permuted alike in all networks, by the tensors that are compared."""
        spec, left_out = self.first.spec, self.resources.left_out
        if not left_out:
            return spec
        return common_spec(spec, [own.spec for own in self.own.values()], left_out)

    @cached_property
    def units(self) -> tuple[int, int]:
        """How many hidden units may move in all networks, and how many the first one has."""
        movable, hidden = self.first.units
        alone = [size for g, size in self.first.spec.groups.items() if g not in self.spec.groups]
        return movable - sum(alone), hidden

    def graph_of(self, weights: Weights) -> Graph:
        """Return the graph of the model that weights belong to."""
        return self._of(weights).resources.graph

    def spec_of(self, weights: Weights) -> PermutationSpec:
        """Return what may be permuted in the network that weights are."""
        return self._of(weights).spec

    def fitted(self, weights: Weights, transform: Transform) -> Transform:
        """Return a permutation of common groups as one of a network's own spec.

        Where networks are in canonical form it is a linear transform.
        """
        if not isinstance(transform, Permutation):
            return transform
        if self.resources.canonical:
            return LinearTransform(self.first.linear, transform)
        spec = self.spec_of(weights)
        return transform if spec is transform.spec else Permutation(spec, transform.moves)

    def tensors(self, weights: Weights) -> Tensors:
        """Return the tensors of the model that weights belong to."""
        resources = self._of(weights).resources
        module = resources.model.module
        return Tensors(shapes_of(module), first_names(module), resources.ties)

    def prove(self, weights: Weights, change: Change, noun: str = "") -> Proof:
        """Compare a network with its changed self, by its own model; see ``Symmetries.prove``.

        Raises:
            UnjudgedError: it is another function.
        """
        return self._of(weights).prove(weights, change, noun)

    @property
    def proved_on(self) -> str:
        """What tells the examples that changes are proved on from others."""
        has_data = self.resources.sources.data is not None
        return self.resources.calibration.recipe if has_data else ""

    def _of(self, weights: Weights) -> Symmetries:
        """Return the symmetries of the first model that weights have the shapes of."""
        for each in (self.first, *self.own.values()) if self.own else ():
            shapes = {n: t.shape for n, t in each.resources.model.module.state_dict().items()}
            if all(shapes.get(name) == tensor.shape for name, tensor in weights.items()):
                return each
        return self.first
