"""The forward function of a model, with its weights as an argument."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lmctool.graph import corrected
from lmctool.graph.module import fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.graph.graph import Graph


class Network:
    """Computes the outputs of a model for any weights.

    Entries ``@TAP.scale`` and ``@TAP.shift`` of the weights are applied to the value of that
    tap; they need the graph, which is only asked for then.
    """

    def __init__(self, module: nn.Module, graph: Callable[[], Graph]) -> None:
        """Keep the module, on its device and in evaluation mode, and a way to its graph."""
        self.module = module
        self.graph = graph
        self._weights: Mapping[str, Tensor] | None = None
        self._copy = module

    def __call__(self, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Return the outputs of a batch: (example, ...)."""
        if corrected.corrected(weights):
            return self.graph().run(weights, inputs, corrected.edits(weights, self._axes))
        if weights is not self._weights:
            self._weights, self._copy = weights, fresh(self.module)
        output: Tensor = torch.func.functional_call(self._copy, dict(weights), (inputs,))
        return output

    @cached_property
    def _axes(self) -> dict[str, int]:
        return corrected.axes(self.graph())
