"""Forward passes that torch.compile has fused: compiled once, for all weights."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from lmctool.errors import first_line, out_of_memory
from lmctool.evaluate.verified import UnableError
from lmctool.graph.module import fresh
from lmctool.graph.tap_affine import corrected_taps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from lmctool.evaluate.functional import Network, Outputs


class Compiled:
    """Computes what a network does, by code made for its shapes; the weights are arguments of it.

    Compiling takes seconds to a minute, once: a smaller batch, as the last of a split may be, is
    filled up by its last example.  Weights with corrections are left to the network itself.
    """

    def __init__(self, network: Network) -> None:
        """Keep the network; nothing is compiled before it is used."""
        self.network = network
        self._module = fresh(network.module)
        self._size = 0
        with _quiet():
            self._compiled = torch.compile(self._run)

    def _run(self, weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
        return self.network.functional(self._module, weights, inputs)

    def __call__(self, weights: Mapping[str, Tensor]) -> Outputs:
        """Return the outputs of the network that has these weights.

        The outputs raise UnableError where the model cannot be compiled.
        """
        if corrected_taps(weights):
            return self.network(weights)
        tensors = dict(weights)

        def outputs(inputs: Tensor) -> Tensor:
            from torch._dynamo.exc import TorchDynamoException

            count = len(inputs)
            self._size = max(self._size, count)
            if count < self._size:
                rest = inputs[-1:].expand(self._size - count, *inputs.shape[1:])
                inputs = torch.cat([inputs, rest])
            try:
                with _quiet():
                    outputs: Tensor = self._compiled(tensors, self.network.laid_out(inputs))
            except TorchDynamoException as cause:
                if out_of_memory(cause):
                    raise
                reason = f"the model cannot be compiled ({first_line(cause)})"
                raise UnableError(reason, "--strategy compile") from cause
            return outputs[:count]

        return outputs

    def forget(self) -> None:
        """Take batches of another size from here on."""
        self._size = 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch.compile from warning about its own internals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
