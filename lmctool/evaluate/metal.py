"""Forward passes on the GPU of an Apple machine, which torch calls ``mps``.

It has no float64, in which means, statistics and proofs are taken, so that networks alone go there:
weights and inputs are copied to it and outputs back, and all else is done on the CPU.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

import torch

from lmctool.errors import first_line, out_of_memory
from lmctool.evaluate.device import MPS
from lmctool.evaluate.verified import UnableError
from lmctool.graph.module import aliases, fresh
from lmctool.graph.tap_affine import corrected_taps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from lmctool.evaluate.functional import Network, Outputs

THERE = torch.device(MPS)


class OnMetal:
    """Computes what a network does, on ``mps``.

    Weights with corrections are left to the network itself.
    """

    def __init__(self, network: Network) -> None:
        """Keep the network; nothing is copied before it is used."""
        self.network = network
        self._module = fresh(network.module)

    def __call__(self, weights: Mapping[str, Tensor]) -> Outputs:
        """Return the outputs of the network that has these weights.

        Raises:
            UnableError: the model cannot be computed there; its outputs raise it too.
        """
        if corrected_taps(weights):
            return self.network(weights)
        with _able():
            tensors = self._tensors(weights)

        def outputs(inputs: Tensor) -> Tensor:
            with _able():
                there = self.network.functional(self._module, tensors, inputs.to(THERE))
                return there.to(inputs.device)

        return outputs

    def _tensors(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return all tensors of the model, with these weights among them, on ``mps``."""
        tied = dict(aliases(self._module))
        named = {tied.get(name, name) for name in weights}
        own = chain(self._module.named_parameters(), self._module.named_buffers())
        tensors = {name: tensor for name, tensor in own if name not in named}
        return {name: tensor.to(THERE) for name, tensor in (tensors | dict(weights)).items()}


@contextmanager
def _able() -> Iterator[None]:
    """Say that a model lacks something there: an operation, or float64.

    Raises:
        UnableError: the body failed, and memory did not run out.
    """
    try:
        yield
    except (RuntimeError, TypeError) as cause:
        if out_of_memory(cause):
            raise
        reason = f"the model cannot be computed on mps ({first_line(cause)})"
        raise UnableError(reason, "--device mps") from cause
