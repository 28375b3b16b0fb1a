"""The forward function of a model, with its weights as an argument."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from lmctool.graph import tap_affine
from lmctool.graph.layout import laid_out
from lmctool.graph.module import copy_with_weights, fresh
from lmctool.graph.outputs import scored_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lmctool.graph.graph import Graph
    from lmctool.graph.targets import Target

Item = TypeVar("Item")
Weights = Mapping[str, Tensor]
Outputs = Callable[[Tensor], Tensor]
"""The outputs of one network for a batch: (example, ...) -> (example, ...)."""
Forward = Callable[[Weights], Outputs]
"""The outputs of a network with given weights; dropped before the next network is formed."""


class PassOutputs(ABC):
    """The outputs of one network, for whom it matters which batches a whole pass has."""

    @abstractmethod
    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs of one batch."""

    @abstractmethod
    def each(self, batches: Iterable[tuple[Tensor, Item]]) -> Iterator[tuple[Tensor, Item]]:
        """Give the outputs for each batch, in order, with what came beside it."""


class Network:
    """Computes the outputs of a model for any weights.

    Entries ``@TAP.scale`` and ``@TAP.shift`` of the weights are applied to the value of that
    tap; they need the graph, which is only asked for then.

    Attributes:
        module: the model, on its device and in evaluation mode.
        layout: the memory format that images are brought into; convolutions hand it on.
        output: the name of the output that is meant, of several; None as ``scored_output`` has it.
    """

    def __init__(
        self,
        module: nn.Module,
        graph: Callable[[], Graph],
        layout: torch.memory_format = torch.contiguous_format,
        output: str | None = None,
    ) -> None:
        """Keep the module and a way to its graph."""
        self.module = module
        self.graph = graph
        self.layout = layout
        self.output = output

    def with_layout(self, layout: torch.memory_format) -> Network:
        """Return what computes the same in another memory format."""
        return Network(self.module, self.graph, layout, self.output)

    def __call__(self, weights: Weights) -> Outputs:
        """Return the outputs of the network that has these weights."""
        return self.copies(weights, 1)[0]

    def copies(self, weights: Weights, count: int) -> list[Outputs]:
        """Return outputs of the network that can work at the same time, if it ``is_reentrant``.

        Its weights are brought into the memory format once: a convolution does so in each batch.
        """
        if self.layout != torch.contiguous_format:
            weights = {name: self.laid_out(tensor) for name, tensor in weights.items()}
        return [self._outputs(weights) for _ in range(count)]

    def _outputs(self, weights: Weights) -> Outputs:
        if tap_affine.corrected_taps(weights):
            edits = tap_affine.tap_edits(weights, self._correctable)
            return lambda inputs: self.graph().run(weights, self.laid_out(inputs), edits)
        own = copy_with_weights(self.module, weights)
        if own is None:  # its class changes what it loads
            module, tensors = fresh(self.module), dict(weights)
            return lambda inputs: self.functional(module, tensors, self.laid_out(inputs))
        return lambda inputs: scored_output(own(self.laid_out(inputs)), self.output)

    def differentiable(self, weights: Weights, inputs: Tensor) -> Tensor:
        """Return the outputs for a batch as a function of the weights, of which gradients flow.

        Raises:
            LmctoolError: it returns something that no one tensor is meant by.
        """
        if tap_affine.corrected_taps(weights):
            return self(weights)(inputs)
        return self.functional(fresh(self.module), weights, self.laid_out(inputs))

    def functional(self, module: nn.Module, weights: Weights, inputs: Tensor) -> Tensor:
        """Return the outputs of a copy of the module for a batch, with other weights than its own.

        Raises:
            LmctoolError: it returns something that no one tensor is meant by.
        """
        value = torch.func.functional_call(module, dict(weights), (inputs,))
        return scored_output(value, self.output)

    def is_reentrant(self, weights: Weights) -> bool:
        """Tell whether several outputs of these weights may be computed at the same time.

        A graph that was noted while the model ran sets torch's switches while it is replayed.
        """
        return not tap_affine.corrected_taps(weights) or self.graph().tracer == "export"

    def laid_out(self, tensor: Tensor) -> Tensor:
        """Return a batch, or a weight, in the memory format of this network, if it has images'."""
        return laid_out(tensor, self.layout)

    @cached_property
    def _correctable(self) -> dict[str, Target]:
        return tap_affine.correctable_taps(self.graph())


def outputs_of_each(
    outputs: Outputs, batches: Iterable[tuple[Tensor, Item]]
) -> Iterator[tuple[Tensor, Item]]:
    """Give a network's outputs for each batch, in order, with what came beside it."""
    if isinstance(outputs, PassOutputs):
        return outputs.each(batches)
    return ((outputs(inputs), beside) for inputs, beside in batches)
