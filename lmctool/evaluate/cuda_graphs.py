"""Forward passes that a CUDA device repeats by itself: captured once, replayed for all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lmctool.evaluate.functional import functional
from lmctool.graph.module import fresh
from lmctool.graph.tap_affine import corrected_taps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.evaluate.functional import Network, Outputs

    Weights = Mapping[str, Tensor]

WARM_UP = 3
"""Passes before the capture, in which libraries choose their kernels and allocate their room."""


class Replayed:
    """Computes what a network does, without a launch of each kernel from Python.

    The weights and the inputs stand at fixed addresses; those of each network and each batch are
    copied there.  One graph is captured for each shape of a batch, of which an evaluation has two.
    Weights with corrections are left to the network itself.
    """

    def __init__(self, network: Network) -> None:
        """Keep the network; nothing is captured before it is used."""
        self.network = network
        self._module = fresh(network.module)
        self._weights: dict[str, Tensor] = {}
        self._captured: dict[torch.Size, tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}

    def __call__(self, weights: Weights) -> Outputs:
        """Return the outputs of the network that has these weights, until the next call."""
        if corrected_taps(weights):
            return self.network(weights)
        if not self._weights:
            self._weights = {name: tensor.clone() for name, tensor in weights.items()}
        names = list(self._weights)
        torch._foreach_copy_(list(self._weights.values()), [weights[name] for name in names])
        return self._outputs

    def _outputs(self, inputs: Tensor) -> Tensor:
        inputs = self.network.laid_out(inputs)
        if inputs.shape not in self._captured:
            self._captured[inputs.shape] = self._capture(inputs)
        graph, static_inputs, outputs = self._captured[inputs.shape]
        static_inputs.copy_(inputs)
        graph.replay()
        return outputs.clone()

    def _capture(self, inputs: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
        """Return a graph, and where its inputs and its outputs stand."""
        static_inputs = inputs.clone()
        side = torch.cuda.Stream(inputs.device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(inputs.device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                functional(self._module, self._weights, static_inputs)
        torch.cuda.current_stream(inputs.device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = functional(self._module, self._weights, static_inputs)
        return graph, static_inputs, outputs
