"""Forward passes that a CUDA device repeats by itself: captured once, replayed for all weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lmctool.errors import first_line, out_of_memory
from lmctool.evaluate.verified import UnableError, agree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.evaluate.functional import Network, Outputs

    Weights = Mapping[str, Tensor]
    Signature = frozenset[tuple[str, torch.Size, torch.dtype]]

WARM_UP = 3
"""Passes before the capture, in which libraries choose their kernels and allocate their room."""
WAITING = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
"""What is told of operations whose result Python must wait for."""


class Replayed:
    """Computes what a network does, without a launch of each kernel from Python.

    The weights, corrections of taps among them, and the inputs stand at fixed addresses; those of
    each network and each batch are copied there.  One graph is captured, for batches of one size:
    a smaller one, as the last of a split may be, leaves the rest of the inputs as they were.
    """

    def __init__(self, network: Network) -> None:
        """Keep the network; nothing is captured before it is used."""
        self.network = network
        self._signature: Signature = frozenset()
        self._weights: dict[str, Tensor] = {}
        self._outputs: Outputs = network({})
        self._captured: _Captured | None = None

    def __call__(self, weights: Weights) -> Outputs:
        """Return the outputs of the network that has these weights, until the next call.

        The outputs raise UnableError where the model cannot be captured.
        """
        if not self.network.is_reentrant(weights):
            return self.network(weights)
        signature = frozenset((name, t.shape, t.dtype) for name, t in weights.items())
        if signature != self._signature:
            self.forget()
            self._signature = signature
            laid_out = self.network.laid_out  # here, else the network reads copies of its own
            self._weights = {name: laid_out(tensor).clone() for name, tensor in weights.items()}
            self._outputs = self.network(self._weights)
        else:
            _copy(weights, self._weights)
        return self._replay

    def forget(self) -> None:
        """Free what was captured; the next batch is captured anew."""
        self._captured = None

    def _replay(self, inputs: Tensor) -> Tensor:
        inputs = self.network.laid_out(inputs)
        if self._captured is None or not self._captured.takes(inputs):
            self.forget()  # before another one takes its memory
            self._captured = capture(self._outputs, inputs)
        return self._captured(inputs)


def _copy(weights: Weights, to: Weights) -> None:
    """Copy tensors by name, all of one dtype in one launch."""
    by_dtype: dict[torch.dtype, list[str]] = {}
    for name, tensor in weights.items():
        by_dtype.setdefault(tensor.dtype, []).append(name)
    for names in by_dtype.values():
        torch._foreach_copy_([to[name] for name in names], [weights[name] for name in names])


@dataclass(frozen=True, slots=True)
class _Captured:
    """A forward pass that a device can repeat.

    Attributes:
        graph: repeats it.
        inputs: where its inputs stand.
        outputs: where its outputs stand.
    """

    graph: torch.cuda.CUDAGraph
    inputs: Tensor
    outputs: Tensor

    def takes(self, inputs: Tensor) -> bool:
        """Tell whether a batch fits into the inputs that were captured."""
        same = inputs.dtype == self.inputs.dtype and inputs.shape[1:] == self.inputs.shape[1:]
        return same and len(inputs) <= len(self.inputs)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs of a batch, which may be smaller than the captured one."""
        count = len(inputs)
        self.inputs[:count].copy_(inputs)
        self.graph.replay()
        return self.outputs[:count].clone()


def capture(outputs: Outputs, inputs: Tensor) -> _Captured:
    """Return the captured forward pass of a network, once a replay has proved to do its work.

    On the device of the inputs, whichever is the current one; the current stream is the same
    afterwards, also after an error.

    Args:
        outputs: the network, whose weights stand where those of all others will.
        inputs: (example, ...) a batch, on the device.

    Raises:
        UnableError: the model waits for the device within its forward pass, or cannot be captured
            or replayed.
    """
    device, inputs = inputs.device, inputs.clone()
    with torch.cuda.device(device):
        before = torch.cuda.current_stream(device)
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        try:
            side.wait_stream(before)
            with torch.cuda.stream(side):
                expected = _warmed_up(outputs, inputs)
            before.wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=side):
                captured = outputs(inputs)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            raise _unable(first_line(error)) from error
        finally:
            torch.cuda.set_stream(before)  # torch leaves the side stream in use after an error
        _prove(graph, captured, expected)
    return _Captured(graph, inputs, captured)


def _warmed_up(outputs: Outputs, inputs: Tensor) -> Tensor:
    """Return the outputs of a batch, computed a few times."""
    with _NoWaiting():
        expected = outputs(inputs)
    for _ in range(WARM_UP - 1):
        expected = outputs(inputs)
    return expected


def _prove(graph: torch.cuda.CUDAGraph, outputs: Tensor, expected: Tensor) -> None:
    """Check that a replay computes the outputs: those of the capture itself prove nothing."""
    if not outputs.is_floating_point():
        raise _unable("its outputs are whole numbers")
    outputs.fill_(torch.nan)
    graph.replay()
    if not agree(outputs, expected):
        raise _unable("a replay does not give its outputs")


def _unable(reason: str) -> UnableError:
    return UnableError(
        f"the model cannot be captured as a CUDA graph: {reason}", "--strategy graphs"
    )


class _NoWaiting(TorchDispatchMode):
    """Refuses operations that wait for the device: a capture that meets one cannot be undone."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports all of torch.compile, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation that does not wait."""
        value = func(*args, **(kwargs or {}))
        leaves = [leaf for leaf in (*args, value) if isinstance(leaf, Tensor)]
        crosses = len({leaf.device.type for leaf in leaves if leaf.ndim}) > 1
        if crosses or any(tag in func.tags for tag in WAITING):
            raise _unable(f"its forward pass waits for the device in {func}")
        return value
