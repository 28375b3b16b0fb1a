"""The pretended GPU: the right numbers, and every kind of wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from tests.waits import OnGpu, pretended_gpu

if TYPE_CHECKING:
    from collections.abc import Callable

WAITS: dict[str, Callable[[Tensor], object]] = {
    "a number": lambda x: float(x.sum()),
    "a truth value": lambda x: bool((x > 0).all()),
    "a list": lambda x: x.tolist(),
    "a copy to the host": lambda x: x.cpu(),
    "a copy into the host's memory": lambda x: torch.empty(3).copy_(x, non_blocking=True),
    "a copy from the host": lambda x: torch.zeros(3).to(x.device, non_blocking=True),
    "a list of numbers": lambda x: torch.tensor([1.0, 2.0], device=x.device),
    "places by mask": lambda x: x[x > 0],
    "places of the host": lambda x: x[torch.tensor([0, 1])],
    "nonzero": lambda x: x.nonzero(),
    "equal": lambda x: torch.equal(x, x),
}
QUICK: dict[str, Callable[[Tensor], object]] = {
    "arithmetic": lambda x: (x + 1).sum(),
    "in place": lambda x: x.mul_(2),
    "views": lambda x: x[1:].view(1, -1),
    "new on the device": lambda x: torch.zeros(3, device=x.device) + x,
    "places of the device": lambda x: x[torch.arange(2, device=x.device)],
    "one of several classes": lambda x: nn.functional.one_hot(x.long(), 4),
    "a pinned copy": lambda x: torch.zeros(3).pin_memory().to(x.device, non_blocking=True),
    "a copy into pinned memory": lambda x: torch.empty(3, pin_memory=True).copy_(
        x, non_blocking=True
    ),
    "a whole copy that nobody reads yet": lambda x: x.to("cpu", non_blocking=True),
}


@pytest.mark.parametrize("work", WAITS.values(), ids=list(WAITS))
def test_what_gives_something_to_the_host_is_noted(work: Callable[[Tensor], object]) -> None:
    with pretended_gpu() as gpu:
        value = torch.tensor([0.0, 1.0, 2.0]).pin_memory().to("cuda", non_blocking=True)
        assert not gpu.waits
        work(value)
    (wait,) = gpu.waits
    assert "at tests/test_waits.py:" in wait


@pytest.mark.parametrize("work", QUICK.values(), ids=list(QUICK))
def test_what_only_gives_the_gpu_something_to_do_is_not(work: Callable[[Tensor], object]) -> None:
    with pretended_gpu() as gpu:
        value = torch.tensor([0.0, 1.0, 2.0]).pin_memory().to("cuda", non_blocking=True)
        work(value)
    assert not gpu.waits


def test_the_numbers_are_those_of_the_host() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()).eval()
    inputs = torch.randn(5, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    with pretended_gpu("cuda:1"), torch.no_grad():
        weights = {name: tensor.to("cuda:1") for name, tensor in module.state_dict().items()}
        outputs = torch.func.functional_call(module, weights, (inputs.to("cuda:1"),))
        assert isinstance(outputs, OnGpu)
        assert outputs.device == torch.device("cuda:1")
        assert torch.equal(outputs.cpu(), module(inputs))


def test_gradients_go_back_on_it() -> None:
    with pretended_gpu():
        value = torch.arange(3.0).to("cuda").requires_grad_()
        value[1:].square().sum().backward()  # type: ignore[no-untyped-call]
        assert value.grad is not None
        assert value.grad.tolist() == [0, 2, 4]


def test_tensors_of_both_sides_are_not_mixed() -> None:
    with pretended_gpu():
        value = torch.zeros(3, device="cuda")
        with pytest.raises(RuntimeError, match="on the same device"):
            _ = value + torch.zeros(3)
        with pytest.raises(TypeError, match=r"Tensor\.cpu\(\) first"):
            value.numpy()
