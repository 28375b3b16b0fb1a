"""Wherever a model's own errors are caught, one of the machine goes through as it is."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lmctool.errors import LmctoolError
from lmctool.evaluate.function_check import check_function
from lmctool.evaluate.functional import Network
from lmctool.evaluate.strategy import accepts_channels_last
from lmctool.graph.capture import capture
from lmctool.graph.paths import follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.graph.graph import Graph

INPUTS = torch.linspace(-1, 1, 4 * 3).reshape(4, 3, 1, 1)
ERRORS = [
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    torch.OutOfMemoryError("CUDA out of memory"),
]


class Branching(nn.Module):
    """A linear map and a branch on its inputs."""

    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.before = before  # a function, which copies of the module share

    def forward(self, x: Tensor) -> Tensor:
        """Return (example, 2)."""
        if not torch.compiler.is_exporting():
            self.before()
        return torch.as_tensor(self.linear(x.flatten(1)) * (2 if float(x.sum()) > 9 else 1))


def failing(error: Exception, call: int) -> Branching:
    """Return a model whose n-th call fails."""
    calls = count(1)

    def before() -> None:
        if next(calls) == call:
            raise error

    return Branching(before)


def checked(module: Branching) -> None:
    check_function(module, module.state_dict(), (INPUTS,), split="test")


def laid_out(module: Branching) -> None:
    accepts_channels_last(Network(module, no_graph), INPUTS)


def followed(module: Branching) -> None:
    """Follow the paths of a model whose graph was recorded while it still worked."""
    graph = capture(Branching(lambda: None), INPUTS)
    follow(module, graph, (INPUTS,), (INPUTS + 9,))


def no_graph() -> Graph:
    raise AssertionError("no graph is needed")


PLACES = [
    pytest.param(checked, 1, id="the first answer of a check"),
    pytest.param(checked, 2, id="the second answer"),
    pytest.param(checked, 3, id="the answer in another batch"),
    pytest.param(lambda module: capture(module, INPUTS), 1, id="the recording of a graph"),
    pytest.param(followed, 2, id="the paths of examples"),
    pytest.param(laid_out, 1, id="channels last"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("use", "call"), PLACES)
def test_an_error_of_the_machine_goes_through(
    use: Callable[[Branching], object], call: int, error: Exception
) -> None:
    with pytest.raises(type(error)) as caught:
        use(failing(error, call))
    assert caught.value is error


@pytest.mark.parametrize(
    "said",
    [
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and"
        " cpu!",
        "Expected all tensors to be on the same device, but got index is on cpu, different from"
        " other tensors on cuda:0",
        "indices should be either on cpu or on the same device as the indexed tensor (cpu)",
        "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the"
        " same",
    ],
)
def test_a_model_that_makes_its_tensors_elsewhere_is_told_and_not_its_data(said: str) -> None:
    class Elsewhere(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError(said)

    with FakeTensorMode():
        inputs = torch.ones(4, 3, device="cuda:1")
    with pytest.raises(LmctoolError) as told:
        check_function(Elsewhere(), {}, (inputs,), split="test")
    assert str(told.value) == (
        f"the model makes tensors that are not where its inputs are, on cuda:1 ({said});"
        " try --device cpu"
    )
    with pytest.raises(LmctoolError, match="trained on other data"):
        check_function(Elsewhere(), {}, (INPUTS,), split="test")
