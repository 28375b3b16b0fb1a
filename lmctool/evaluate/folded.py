"""Forward passes without BatchNorms: each is fused into the layer before it, once a network."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from torch import Tensor, nn

from lmctool.errors import LmctoolError, first_line
from lmctool.evaluate.verified import UnableError
from lmctool.graph.folded import FoldedGraph
from lmctool.graph.sizes import size_of, varies

if TYPE_CHECKING:
    from lmctool.evaluate.functional import Network, Outputs, Weights


def has_batchnorms(module: nn.Module) -> bool:
    """Tell whether a part of a model is a BatchNorm; that of a mere function doesn't show."""
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())


class Folded:
    """Computes what a network does, through its graph, in which BatchNorms are fused.

    Weights that lack a buffer of the model, or that correct a value between a layer and its
    BatchNorm, are left to the network itself.
    """

    def __init__(self, network: Network) -> None:
        """Keep the network; it is followed once weights come."""
        self.network = network

    def is_reentrant(self, weights: Weights) -> bool:
        """Tell whether several outputs of these weights may be computed at the same time."""
        return self._takes(weights) or self.network.is_reentrant(weights)

    def __call__(self, weights: Weights) -> Outputs:
        """Return the outputs of the network that has these weights.

        The outputs raise UnableError where the model cannot be computed so.
        """
        return self.copies(weights, 1)[0]

    def copies(self, weights: Weights, count: int) -> list[Outputs]:
        """Return outputs of the network that can work at the same time; see ``__call__``."""
        if isinstance(self._graph, str):
            return [self._refuse] * count
        if not self._takes(weights):
            return self.network.copies(weights, count)
        outputs, laid_out = self._graph(weights, self.network.laid_out), self.network.laid_out
        return [lambda inputs: outputs(laid_out(inputs))] * count

    def _takes(self, weights: Weights) -> bool:
        return isinstance(self._graph, FoldedGraph) and self._graph.takes(weights)

    def _refuse(self, _: Tensor) -> NoReturn:
        raise UnableError(f"BatchNorms cannot be folded: {self._graph}", "--strategy measure")

    @cached_property
    def _graph(self) -> FoldedGraph | str:
        """The graph without BatchNorms, or why there is none."""
        try:
            graph = self.network.graph()
            _ = graph.output
        except LmctoolError as error:
            return first_line(error)
        if graph.tracer != "export":
            return "torch.export cannot follow the model"
        (shape,) = [n.meta["val"].shape for n in graph.nodes if n.name in graph.inputs]
        if not varies(size_of(shape[0])):
            return "the model was followed for one size of batches"
        folded = FoldedGraph(graph)
        return folded if folded.layers else "none is the only one to read the values of its layer"
